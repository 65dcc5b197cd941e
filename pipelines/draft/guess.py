"""What a column of texts most likely holds: its type, and the one way of writing in which all its values read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

from pipelines.contracts.parts import ISO

NULL_WORDS = ("NULL", "null", "NaN", "nan", "None", "N/A", "n/a", "NA", "\\N", "-", "无", "空", "#N/A")

DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%Y.%m.%d"),
    *("%Y年%m月%d日", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y"),
)
"""Where several fit, the first is taken, and the others are named."""
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
TIMESTAMPS = tuple(f"{day} {time}" for day, time in product(DATES, _TIMES))
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII | re.IGNORECASE
)
_INTEGER = re.compile(r"-?(0|[1-9]\d*)\Z", re.ASCII)
_MARKS = ((".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"))
"""Decimal and thousands marks, the likelier first."""
_SIGNS = ("¥", "￥", "€", "$", "£", "元", "CNY", "RMB", "EUR", "USD", "GBP", "CHF", "JPY")
_CODE = re.compile(r"-?0\d")
_DIGITS = 22
_LOOKED_AT = 2_000
"""Different values that are tried for a format."""


@dataclass(frozen=True)
class Guess:
    """A column's type in contract terms, and how it is written."""

    type: str
    formats: tuple[str, ...] = ()
    """Date or timestamp formats that all values fit."""
    marks: tuple[tuple[str, str], ...] = ()
    """Decimal and thousands marks that all values fit."""
    currency_sign: str = ""
    negative_style: str = "leading"
    null_words: tuple[str, ...] = ()
    empty: int = 0
    """Rows without a value."""
    is_unique: bool = False


def guess(values: Sequence[str], rows: int, parquet_type: str | None = None) -> Guess:
    """What the values of a column are; `rows` is how many rows there are."""
    words = Counter(v for v in values if v in NULL_WORDS)
    held = [v for v in values if v != "" and v not in words]
    if not held and words:  # a column of nothing but such a word is a column of that word
        words, held = Counter(), [v for v in values if v]
    distinct = list(dict.fromkeys(held))
    looked_at, sign, style = distinct[:_LOOKED_AT], "", "leading"
    type_, formats, marks = _type(looked_at) if looked_at else _TEXT
    if parquet_type is not None:
        type_, formats, marks = _parquet_type(parquet_type), (), ()
    elif type_ == "VARCHAR":
        bare, sign, style = _bare(looked_at)
        dressed = _type(bare) if bare != looked_at else _TEXT
        if dressed[0].startswith(("DECIMAL", "INTEGER", "BIGINT")):
            type_, formats, marks = dressed
        else:
            sign, style = "", "leading"
    return Guess(
        type_,
        formats,
        marks,
        sign,
        style,
        null_words=tuple(word for word, _ in words.most_common()),
        empty=rows - len(held),
        is_unique=len(distinct) == rows > 0,
    )


_Written = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]
_TEXT: _Written = ("VARCHAR", (), ())


def _type(values: list[str]) -> _Written:
    if all(v.lower() in ("true", "false") for v in values):
        return "BOOLEAN", (), ()
    if dates := _formats(values, DATES):
        return "DATE", dates, ()
    if stamps := _formats(values, TIMESTAMPS):
        return "TIMESTAMP", stamps, ()
    if all(_ISO.match(v) for v in values):
        return "TIMESTAMP", (ISO,), ()
    if all(_INTEGER.match(v) for v in values):
        longest = max(len(v.lstrip("-")) for v in values)
        return ("INTEGER" if longest < 10 else "BIGINT" if longest < 19 else "VARCHAR"), (), ()
    if any(_CODE.match(v) or len(v) > _DIGITS for v in values):
        return _TEXT  # the number of something, no figure
    if marks := tuple(pair for pair in _MARKS if all(_number(*pair).match(v) for v in values)):
        return f"DECIMAL(18,{_scale(values, marks[0][0])})", (), marks
    return _TEXT


def _bare(values: list[str]) -> tuple[list[str], str, str]:
    """Amounts without their currency's sign and with their minus in front, the sign, and how negative ones are written."""
    sign = next((s for s in _SIGNS if any(s in v for v in values)), "")
    bare = [v.replace(sign, "", 1).strip() for v in values]
    style = "leading"
    if any(v.startswith("(") and v.endswith(")") for v in bare):
        style, bare = "parentheses", [f"-{v[1:-1].strip()}" if v.startswith("(") else v for v in bare]
    elif any(v.endswith("-") for v in bare):
        style, bare = "trailing", [f"-{v[:-1].strip()}" if v.endswith("-") else v for v in bare]
    return bare, sign, style


def _formats(values: list[str], formats: Sequence[str]) -> tuple[str, ...]:
    fitting = list(formats)
    for value in values:
        fitting = [f for f in fitting if _reads(value, f)]
        if not fitting:
            return ()
    return tuple(fitting)


def _reads(value: str, format: str) -> bool:
    try:
        when = datetime.strptime(value, format).replace(tzinfo=UTC)
    except ValueError:
        return False
    if not value.isascii() and "年" not in format:
        return False
    # %Y%m%d reads 2025111 too, and an order number of eight digits.
    return 1900 <= when.year <= 2100 and (format != "%Y%m%d" or len(value) == 8)


def _number(decimal: str, thousands: str) -> re.Pattern[str]:
    mark = re.escape(decimal)
    whole = rf"(\d{{1,3}}({re.escape(thousands)}\d{{3}})+|\d+)" if thousands else r"\d+"
    return re.compile(rf"-?{whole}({mark}\d+)?\Z", re.ASCII)


def _scale(values: list[str], decimal: str) -> int:
    return min(max([2, *(len(v.rpartition(decimal)[2]) for v in values if decimal in v)]), 9)


def _parquet_type(name: str) -> str:
    if name in ("BOOLEAN", "DATE"):
        return name
    if name.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    if name in ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"):
        return "INTEGER"
    if name in ("BIGINT", "UINTEGER"):
        return "BIGINT"
    if name in ("FLOAT", "DOUBLE"):
        return "DECIMAL(18,2)"
    return name if name.startswith("DECIMAL") else "VARCHAR"
