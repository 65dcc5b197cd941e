"""One line of JSON Lines as the texts of a row: each value as it is written, and nothing that JSON does not know."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.land.inspected import may_show_name
from pipelines.load.values import is_number
from pipelines.showing import shown

if TYPE_CHECKING:
    from pipelines.contracts import SourceContract

_WHOLE = re.compile(r"-?\d+")


class NoRowError(Exception):
    """The line is no row; says why."""


class _Number(str):
    """A number with the digits that it is written with."""

    __slots__ = ()


def json_row(line: str, contract: SourceContract) -> dict[str, str | None]:
    """The line's values by their keys.

    Raises:
        NoRowError: the line is no JSON object, has a key twice, or a number, true, list or object as an identifier.
    """
    try:
        parsed = json.loads(
            line,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_no_constant,
            object_pairs_hook=partial(_each_key_once, contract),
        )
        if not isinstance(parsed, dict):
            raise NoRowError("the line is no JSON object")
        row = {key: _text(value) for key, value in parsed.items()}
        if "\\u" in line:
            every = "".join(text for pair in row.items() for text in pair if text).encode()
            if b"\0" in every:
                raise NoRowError("the line has an escape of a NUL character")
    except UnicodeEncodeError as error:
        raise NoRowError("the line has an escape that is half a character") from error
    except (ValueError, RecursionError) as error:
        raise NoRowError(f"the line is no JSON: {error}") from error
    nulls = contract.dialect.null_values
    for column in contract.source_columns:
        name = column.source_name
        value, text = parsed.get(name), row.get(name)
        if column.is_identifier and not _names(value):
            what = (
                "a number with decimals" if isinstance(value, _Number) else "true, false, a list or an object"
            )
            raise NoRowError(
                f"{column.name}: is {what}, where an identifier is a text or a whole number; put it in quotes at the source"
            )
        if isinstance(value, _Number) and text is not None and is_number(column):
            # A number of JSON has a point, whatever mark the contract's texts have.
            row[name] = text.replace(".", contract.dialect.decimal_mark)
    return {key: None if text in nulls else text for key, text in row.items()}


def _names(value: Any) -> bool:
    """Whether a value can be an identifier as it is written: 17.0, [17] and true would each be another one than 17."""
    if isinstance(value, _Number):
        return _WHOLE.fullmatch(value) is not None
    return value is None or isinstance(value, str)


def _no_constant(name: str) -> None:
    raise NoRowError(f"the line is no JSON: {name} is no number; a missing value is null")


def _each_key_once(contract: SourceContract, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        # What stands as a key may be a value, as in {"Anna": 5}.
        which = f"the key {shown(twice)}" if may_show_name(twice, contract) else "a key"
        raise NoRowError(f"{which} stands twice")
    return found


def _text(value: Any) -> str | None:
    """A value as text: numbers, and those within lists and objects, with the digits that they are written with."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _nested(value)


def _nested(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_nested(str(k))}: {_nested(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
