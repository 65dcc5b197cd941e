"""A check and what it found, in a reader's language: what should be, what is, and where the rule stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.showing import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.data_docs.read import Check
    from pipelines.data_docs.texts import Texts

_CELL = 60
_SENTENCE = 300
_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 12
_SHOWN_VALUES = 10

_SENTENCES = {
    "expect_column_values_to_match_regex": "matches",
    "expect_column_values_to_not_match_regex": "matches_not",
    "expect_column_values_to_be_in_set": "one_of",
    "expect_column_distinct_values_to_be_in_set": "one_of",
    "expect_column_values_to_not_be_in_set": "none_of",
    "expect_column_distinct_values_to_equal_set": "exactly",
    "expect_column_values_to_be_between": "bounds",
    "expect_column_value_lengths_to_be_between": "length",
    "expect_column_unique_value_count_to_be_between": "distinct",
    "expect_table_row_count_to_be_between": "rows",
    "expect_table_columns_to_match_ordered_list": "columns",
    "expect_column_types_to_match_contract": "types",
    "expect_key_to_be_unique": "key",
    "expect_keys_to_tell_rows_apart": "reuse",
    "expect_files_to_have_columns": "files",
    "expect_batch_to_be_readable": "readable",
    "expect_row_count_to_be_usual": "usual",
    "expect_suite_to_have_expectations": "any",
    "dbt_test": "dbt",
}
"""The sentence of an expectation; those that are not here are shown in their author's words, or by name."""

_METRIC = re.compile(r"(\w+)( \(percent\))? (must\w+) (.*)")
"""A library metric of a contract, as `validate.rules` describes it."""
_OPERATORS = {
    "mustBe": "= {0}",
    "mustNotBe": "≠ {0}",
    "mustBeGreaterThan": "> {0}",
    "mustBeGreaterOrEqualTo": "≥ {0}",
    "mustBeLessThan": "< {0}",
    "mustBeLessOrEqualTo": "≤ {0}",
}
_COUNTED = re.compile(r"(\d+) of (\d+) rows")
_RULE = re.compile(r"(?s).*?([^/\\]+\.ya?ml)(?:: (column|quality) (.*)|: unusualVolume)?")
"""A rule's place from the contract's file name on: where the deployment lies is of no interest."""


@dataclass(frozen=True)
class Examples:
    """Rows or values that should not be."""

    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def expected(check: Check, texts: Texts) -> str:
    """What should be."""
    return cut(_expected(check, texts), _SENTENCE)


def _expected(check: Check, texts: Texts) -> str:
    detail = check.detail or {}
    given = dict(detail.get("arguments") or {})
    description = str(detail.get("description") or "")
    if check.expectation == "expect_column_values_to_not_be_null":
        mostly = given.get("mostly") or 1
        key = "filled" if mostly == 1 else "mostly_filled"
        return texts("check", key, column=check.column, mostly=f"{mostly:.2%}")
    if check.detail is None and check.expectation != "dbt_test":
        # Taken away with a person: the name is all that is left of the rule.
        return " ".join(filter(None, (check.column, check.expectation)))
    if check.expectation == "expect_metric_to_keep_rule" and (said := _METRIC.fullmatch(description)):
        metric, percent, operator, values = said.groups()
        name = texts.known("metric", metric) + (texts.plain("percent") if percent else "")
        key = "metric_of" if check.column else "metric"
        return texts(
            "check", key, column=check.column, metric=name, bounds=_operator(operator, values, texts)
        )
    if sentence := _SENTENCES.get(check.expectation):
        return texts(
            "check",
            sentence,
            column=check.column,
            bounds=_bounds(given, texts),
            regex=given.get("regex"),
            values=_values(given.get("value_set") or (), texts),
        )
    if description and check.column and check.column not in description:
        return texts("check", "of_column", column=check.column, description=texts.rule(description))
    if description:
        return texts.rule(description)
    if "unexpected_rows_query" in given:
        return texts("check", "query")
    arguments = texts.plain("list").join(f"{k} = {_shown(v)}" for k, v in given.items())
    return texts("check", "other", type=check.expectation, arguments=arguments)


def _operator(operator: str, values: str, texts: Texts) -> str:
    if operator in _OPERATORS:
        return _OPERATORS[operator].format(values)
    low, _, high = values.partition(", ")
    return texts.plain("between" if operator == "mustBeBetween" else "not_between", low=low, high=high)


def _bounds(given: dict[str, Any], texts: Texts) -> str:
    signs = (("min_value", "strict_min", "≥", ">"), ("max_value", "strict_max", "≤", "<"))
    said = [
        f"{strict if given.get(is_strict) else sign} {given[name]}"
        for name, is_strict, sign, strict in signs
        if given.get(name) is not None
    ]
    return texts.plain("and").join(said)


def _values(values: Sequence[Any], texts: Texts) -> str:
    shown = texts.plain("list").join(map(_shown, values[:_SHOWN_VALUES]))
    return shown + (" …" if len(values) > _SHOWN_VALUES else "")


def _shown(value: object) -> str:
    return "–" if value is None else cut(str(value), _CELL)


def found(check: Check, texts: Texts) -> str:
    """What is."""
    detail = check.detail
    if detail is None and check.expectation != "dbt_test":
        # Of a result that was cleared with a person its count stays.
        return _counted(check, texts) or texts("problem", "removed")
    if error := (detail or {}).get("error"):
        return texts("problem", "raised", error=cut(str(error), _SENTENCE))
    if rows := _rows(check):
        # A metric's only row is its figure.
        return _shown(rows[0]["observed"]) if rows[0].keys() == {"observed"} else texts("problem", "see")
    return _counted(check, texts) or cut(check.observed or texts("problem", "not_so"), _SENTENCE)


def _counted(check: Check, texts: Texts) -> str | None:
    counted = _COUNTED.fullmatch(check.observed or "")
    if counted is None:
        return None
    failed, rows = (f"{int(n):,}" for n in counted.groups())
    return texts("problem", "rows", failed=failed, rows=rows)


def examples(check: Check, texts: Texts) -> Examples | None:
    """Rows or values that failed, as far as they may be shown and there is room; None where there are none."""
    if rows := _rows(check):
        headers = tuple(rows[0])[:_SHOWN_COLUMNS]
        if not headers or headers == ("observed",):
            return None
        note = texts("problem", "shown_rows", shown=_SHOWN_ROWS) if len(rows) > _SHOWN_ROWS else ""
        shown = [tuple(_shown(row.get(name)) for name in headers) for row in rows[:_SHOWN_ROWS]]
        return Examples(headers, shown, note)
    if values := (check.detail or {}).get("partial_unexpected_list"):
        different = list(dict.fromkeys(map(_shown, values)))[:_SHOWN_VALUES]
        return Examples((check.column or texts("problem", "examples"),), [(value,) for value in different])
    return None


def _rows(check: Check) -> list[dict[str, Any]]:
    """Rows that should not be, as the check's query gave them."""
    return ((check.detail or {}).get("details") or {}).get("unexpected_rows") or []


def start(message: str) -> str:
    """The first of what a run said."""
    return cut(message, _SENTENCE)


def rule(check: Check, texts: Texts) -> str:
    """Where the rule stands, without the folders above the contract."""
    origin = str((check.detail or {}).get("rule") or "")
    place = _RULE.fullmatch(origin)
    if place is None:
        return cut(origin, _SENTENCE)
    file, kind, name = place.groups()
    if kind is None and not origin.endswith("unusualVolume"):
        return str(file)
    return cut(texts("rule", kind or "volume", file=file, name=name), _SENTENCE)
