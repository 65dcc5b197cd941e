"""SQL that reads single values: which texts mean a number, a date, a time or a boolean, and no others.

DuckDB's casts take more than anyone writes: `12_50` is 1250, `- ` is 0, `5e ` is 5, `2025111` by `%Y%m%d` is a day in
November. So a text is held against the shape that its type and contract give it before it is cast; decision 2 lists
the shapes. Blanks around a value never matter, but for texts.

A number may differ from the contract's scale by less than half a unit four digits further on: that is
floating-point noise of the exporting program and is rounded away. Anything coarser is a bad row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.contracts import ISO, formats
from pipelines.load.clocks import exists_at
from pipelines.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.contracts import Column, Dialect

_GUARD_DIGITS = 4
_ROUNDED_DIGITS = 12
"""Decimals more than the contract's that are looked at where it rounds them away."""
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_ISO_DATE = r"\s*\d{4}-\d{2}-\d{2}\s*"
_ISO_LOCAL = r"\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*"
_ISO_ZONED = _ISO_LOCAL.removesuffix(r"\s*") + formats.OFFSET + r"\s*"
_BOOLEANS = r"(?i)\s*(true|false|t|f|yes|no|y|n|1|0)\s*"
_EXACT_DOUBLE = 10**9
"""Below it a double's digits up to six decimals are those of the shortest decimal that makes it."""


def is_number(column: Column) -> bool:
    """Whether a column holds numbers."""
    return column.type in ("INTEGER", "BIGINT", "DOUBLE") or column.type.startswith("DECIMAL")


def guard_type(column: Column, *, careful: bool = False) -> str:
    """A type with room for more digits than the contract's, so that a value that does not fit shows."""
    match = _DECIMAL.match(column.type)
    if match is None and column.type not in ("INTEGER", "BIGINT"):
        return column.type
    precision, scale = (int(match.group(1)), int(match.group(2))) if match else (18, 0)
    if column.rounding is not None:
        whole = max(precision - scale, 19 if match is None else 0)
        return f"DECIMAL(38,{max(min(scale + _ROUNDED_DIGITS, 38 - whole), scale)})"
    if careful or precision > 18 or column.type == "BIGINT":
        return f"DECIMAL(38,{min(scale + _GUARD_DIGITS, 38)})"
    return f"DECIMAL(18,{min(scale + _GUARD_DIGITS, 18)})"


def format_of(column: Column, dialect: Dialect) -> str:
    """The format of a DATE or TIMESTAMP column: its own, else its file's."""
    return column.format or (dialect.date_format if column.type == "DATE" else dialect.timestamp_format)


def reads_typed(column: Column, dialect: Dialect) -> bool:
    """Whether DuckDB's CSV reader may cast this column itself and mean the same as `parse`."""
    if column.type in ("DATE", "TIMESTAMP"):
        # The reader has one format a file, and takes a text without an offset for UTC where %z wants one.
        own = dialect.date_format if column.type == "DATE" else dialect.timestamp_format
        return (
            column.format in (None, own)
            and own != ISO
            and formats.is_plain(own)
            and not (column.type == "DATE" and formats.has_time(own))
        )
    return column.type == "VARCHAR"


def has_plain_marks(dialect: Dialect) -> bool:
    """Whether numbers are written as SQL writes them."""
    return (
        dialect.decimal_mark == "."
        and not dialect.thousands_mark
        and not dialect.currency_sign
        and dialect.negative_style == "leading"
    )


def _unsigned(dialect: Dialect) -> str:
    """Regular expression of a number without its sign."""
    mark, thousands = re.escape(dialect.decimal_mark), re.escape(dialect.thousands_mark)
    digits = rf"(\d{{1,3}}({thousands}\d{{3}})+|\d+)" if thousands else r"\d+"
    return rf"({digits}({mark}\d*)?|{mark}\d+)([eE][+-]?\d+)?"


def number_shape(dialect: Dialect) -> str:
    """Regular expression of the numbers that the contract's marks allow, but those of another negative style."""
    number, sign = _unsigned(dialect), r"[+-]?"
    if not dialect.currency_sign:
        return rf"\s*{sign}{number}\s*"
    currency = re.escape(dialect.currency_sign)
    return rf"\s*({sign}({currency}\s*)?{number}|{currency}\s*{sign}{number}|{sign}{number}\s*{currency})\s*"


def _negative_shape(dialect: Dialect) -> str | None:
    """Regular expression of negative numbers in the style that the contract has besides a leading minus."""
    number, currency = _unsigned(dialect), re.escape(dialect.currency_sign)
    before = behind = ""
    if currency:
        # Spreadsheets write the sign within the brackets or, in accounts, in front of them.
        before, behind = rf"|{currency}\s*\({number}\)", rf"(\s*{currency})?"
        number = rf"(({currency}\s*)?{number}|{number}\s*{currency})"
    styles = {"trailing": rf"\s*{number}-{behind}\s*", "parentheses": rf"\s*(\({number}\){before})\s*"}
    return styles.get(dialect.negative_style)


def number_text(text: str, dialect: Dialect) -> str:
    """Text of a number in the dialect's marks as SQL reads it; NULL where it is written otherwise."""
    plain = text
    for sign in (dialect.currency_sign, dialect.thousands_mark):
        plain = f"replace({plain}, {literal(sign)}, '')" if sign else plain
    if dialect.currency_sign:
        plain = f"regexp_replace({plain}, '\\s', '', 'g')"
    if dialect.decimal_mark != ".":
        plain = f"replace({plain}, {literal(dialect.decimal_mark)}, '.')"
    cases = f"WHEN regexp_full_match({text}, {literal(number_shape(dialect))}) THEN {plain} "
    if negative := _negative_shape(dialect):
        cases += (
            f"WHEN regexp_full_match({text}, {literal(negative)}) THEN '-' || "
            f"regexp_replace({plain}, '[-()\\s]', '', 'g') "
        )
    return f"CASE {cases}END"


def plain_numbers(texts: Sequence[str], dialect: Dialect) -> str:
    """SQL: the texts of a row that the quick way casts as they stand are written as numbers.

    Of texts of digits, minus and point alone DuckDB takes no other than numbers; all are looked at in one go, and
    singly only where another sign is among them.
    """
    every = f"concat({', '.join(texts)})" if len(texts) > 1 else texts[0]
    shape = literal(number_shape(dialect))
    each = " AND ".join(f"({text} IS NULL OR regexp_full_match({text}, {shape}))" for text in texts)
    return f"CASE WHEN regexp_matches({every}, '[^0-9.-]') THEN {each} ELSE true END"


def null_of(text: str, dialect: Dialect) -> str:
    """SQL: a text, NULL where it is one of those that stand for no value."""
    if len(dialect.null_values) == 1:
        return f"nullif({text}, {literal(dialect.null_values[0])})"
    nulls = ", ".join(map(literal, dialect.null_values))
    return f"CASE WHEN {text} NOT IN ({nulls}) THEN {text} END"


def parse(column: Column, text: str, dialect: Dialect, zone: str) -> str:
    """SQL that reads a value from text; NULL where the text is none of the type.

    A timestamp whose format can hold an offset (see `has_zone`) comes as TIMESTAMP WITH TIME ZONE, `zone` being
    that of ISO 8601 texts without one. A date comes with its time of day, if its format has one.
    """
    if column.type == "VARCHAR":
        return text
    if is_number(column):
        return f"TRY_CAST({number_text(text, dialect)} AS {guard_type(column, careful=True)})"
    if column.type == "BOOLEAN":
        return f"CASE WHEN regexp_full_match({text}, {literal(_BOOLEANS)}) THEN TRY_CAST(trim({text}) AS BOOLEAN) END"
    format_ = format_of(column, dialect)
    if format_ == ISO and column.type == "DATE":
        return f"CASE WHEN regexp_full_match({text}, {literal(_ISO_DATE)}) THEN TRY_CAST({text} AS DATE) END"
    if format_ == ISO:
        local = f"TRY_CAST({text} AS TIMESTAMP)"
        # DuckDB wants seconds before an offset.
        zoned = f"regexp_replace({text}, '([T ]\\d\\d:\\d\\d)([Z+-])', '\\1:00\\2')"
        return (
            f"CASE WHEN regexp_full_match({text}, {literal(_ISO_ZONED)}) THEN TRY_CAST({zoned} AS TIMESTAMP WITH TIME ZONE) "
            f"WHEN regexp_full_match({text}, {literal(_ISO_LOCAL)}) "
            f"AND {exists_at(local, zone)} THEN timezone({literal(zone)}, {local}) END"
        )
    offset = f"regexp_replace({text}, 'Z\\s*$', '+0000')" if "%z" in format_ else text
    moment = f"try_strptime({offset}, {literal(format_)})"
    if formats.has_day_of_year(format_):
        # To DuckDB day 366 of a year of 365 days is the first of the next.
        day = (
            f"regexp_extract({text}, {literal(f'^{formats.shape(format_)}$')}, 1) = strftime({moment}, '%j')"
        )
        moment = f"CASE WHEN {day} THEN {moment} END"
    if formats.has_weekday(format_):
        day = f"contains(lower({text}), lower(strftime({moment}, '%a')))"
        moment = f"CASE WHEN {day} THEN {moment} END"
    return f"CASE WHEN regexp_full_match({text}, {literal(formats.shape(format_))}) THEN {moment} END"


def is_skipped(column: Column, text: str, dialect: Dialect) -> str | None:
    """SQL: a text that `parse` makes nothing of is a local time of ISO 8601, so that it is its hour that no clock has shown.

    None where only `exact_rules` can tell.
    """
    if column.type != "TIMESTAMP" or format_of(column, dialect) != ISO:
        return None
    return f"regexp_full_match({text}, {literal(_ISO_LOCAL)}) AND TRY_CAST({text} AS TIMESTAMP) IS NOT NULL"


def from_parquet(column: Column, value: str, kind: str, dialect: Dialect, *, cast: str = "CAST") -> str:
    """SQL that reads a value from a Parquet column that is not text, or is text for a VARCHAR."""
    if column.type == "VARCHAR":
        return null_of(f"CAST({value} AS VARCHAR)", dialect)
    if is_number(column):
        # A figure too large for the quick way's narrower type stops it, and the careful way decides.
        type_ = guard_type(column, careful=cast != "CAST")
        # Meant is the shortest decimal that makes the float: 649.9, not 649.9000244140625.
        shortest = f"{cast}(CAST({value} AS VARCHAR) AS {type_})"
        if kind == "float" or (kind == "double" and column.rounding is not None):
            return shortest
        if kind == "double" and type_ != "DOUBLE":
            exact = f"abs({value}) < {_EXACT_DOUBLE}"
            return f"CASE WHEN {exact} THEN {cast}({value} AS {type_}) ELSE {shortest} END"
        return f"{cast}({value} AS {type_})"
    # Nanoseconds, which hold no year before 1677, become microseconds as raw has them.
    return f"{cast}({value} AS TIMESTAMP)" if kind == "timestamp" else value


def has_zone(column: Column, dialect: Dialect) -> bool:
    """Whether a timestamp's text carries its own offset."""
    return column.type == "TIMESTAMP" and (
        format_of(column, dialect) == ISO or "%z" in format_of(column, dialect)
    )


def in_range(name: str) -> str:
    """SQL: a date or time has a year of four digits; infinities have none."""
    return f"({name} >= DATE '1000-01-01' AND {name} < DATE '10000-01-01')"


def to_contract(column: Column, value: str, zone: str, *, zoned: bool) -> str:
    """SQL that brings a read value to the contract's type; timestamps to UTC."""
    if column.type == "TIMESTAMP":
        if zoned:
            return f"timezone('UTC', {value})"
        return value if zone == "UTC" else f"timezone('UTC', timezone({literal(zone)}, {value}))"
    if is_number(column) and column.type != "DOUBLE":
        return f"TRY_CAST({value} AS {column.type})"
    return f"CAST({value} AS DATE)" if column.type == "DATE" else value
