"""What of a result is shown: results stand in the ledger, in the Data Docs and in the run's message, with readers of their own.

Counts always are. Values are not where a column is personal, where the check is there to keep such values out, and where
an e-mail address is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.showing import has_address, without_addresses, without_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.validate.rules import Check
    from pipelines.validate.suites import Suite

TEXT_LIMIT = 500
_KEEPS_OUT = "expect_column_values_to_not_match_"
"""Checks whose failing values are by definition what should not be there."""
_OWN_QUERIES = (
    "expect_batch_to_be_readable",
    "expect_column_types_to_match_contract",
    "expect_files_to_have_columns",
    "expect_key_to_be_unique",
    "expect_metric_to_keep_rule",
    "expect_row_count_to_be_usual",
)
"""Their rows are names, types, counts and keys."""
_COUNTS = ("element_count", "missing_", "unexpected_count", "unexpected_percent")


def error_of(result: Any) -> str | None:
    """First line of the error that an expectation raised."""
    infos = [
        result.exception_info,
        *(v for v in (result.exception_info or {}).values() if isinstance(v, dict)),
    ]
    for info in infos:
        if info and info.get("raised_exception"):
            text = str(info.get("exception_message") or "an exception without a message").strip()
            return text.splitlines()[0][:TEXT_LIMIT]
    return None


def hide_values(suite: Suite, check: Check, result: Any) -> None:
    """Take out of a result what may not be shown of it; counts stay."""
    kwargs = result.expectation_config.kwargs
    named = {kwargs.get(k) for k in ("column", "column_A", "column_B")} | set(kwargs.get("column_list") or [])
    is_personal = bool(named & suite.personal)
    _hide_error(suite, result, is_personal=is_personal)
    rows = (result.result.get("details") or {}).get("unexpected_rows")
    if rows is not None:
        # Of a table with personal data a query can show a value under any name, and a key may be personal.
        is_own = check.type in _OWN_QUERIES
        result.result["details"]["unexpected_rows"] = [
            {k: _without_addresses(v) for k, v in row.items() if k not in suite.personal}
            for row in rows
            if is_own or not suite.personal
        ]
    elif (
        is_personal
        or check.type.startswith(_KEEPS_OUT)
        or any(has_address(text) for text in _texts(result.result))
    ):
        for key in [k for k in result.result if not k.startswith(_COUNTS)]:
            del result.result[key]


def _hide_error(suite: Suite, result: Any, *, is_personal: bool) -> None:
    said = error_of(result)
    if said is None:
        return
    if is_personal:
        said = "the message is not shown because the column holds personal data"
    else:
        said = without_values(said) if suite.personal else without_addresses(said)
    # A traceback ends with the whole message, and with the values in it.
    result.exception_info = {
        "raised_exception": True,
        "exception_traceback": "not kept, as values of the data stand in it",
        "exception_message": said,
    }


def _without_addresses(value: Any) -> Any:
    return without_addresses(value) if isinstance(value, str) else value


def _texts(value: Any) -> Iterator[str]:
    """Every text in a result, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
