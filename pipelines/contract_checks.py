"""What can be wrong inside a source contract beyond its shape: its location, and the SQL, patterns and formats in it."""

from __future__ import annotations

import fnmatch
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb

from pipelines.sql import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelines.contracts import Column, RowRule

ISO = "iso8601"
"""Date and timestamp format that stands for ISO 8601, with or without an offset."""

_PLACE = re.compile(r"\{date(?::([^}]+))?\}")
_DIGITS = {"Y": r"(\d{4})", "m": r"(\d{2})", "d": r"(\d{2})", "y": r"(\d{2})", "j": r"(\d{3})"}


@dataclass(frozen=True)
class LocationPart:
    """One folder or file name of a location: what it matches, and which date codes its groups are."""

    regex: re.Pattern[str]
    codes: tuple[str, ...]


def split_location(location: str) -> list[str]:
    """The names of a location, outermost first; `{date:%Y/%m/%d}` spans three of them."""
    spread = _PLACE.sub(lambda m: m.group(0).replace("/", "}/{date:"), location)
    return [part for part in spread.split("/") if part not in ("", ".")]


def location_parts(location: str) -> tuple[LocationPart, ...]:
    """What each name of a location matches.

    Raises:
        ValueError: the location tells no whole date, or uses something Mainstay does not know.
    """
    parts = []
    for name in split_location(location):
        if name in ("..", "**"):
            raise ValueError(
                f"{name} cannot be used in a location; name the folders, or use * for one of them"
            )
        regex, codes, end = "", [], 0
        for match in _PLACE.finditer(name):
            regex += _glob(name[end : match.start()])
            for code, text in re.findall(r"%(.)|([^%]+|%$)", match.group(1) or "%Y-%m-%d"):
                if code and code not in _DIGITS:
                    raise ValueError(f"%{code} in {match.group(0)} is not known; use %Y, %y, %m, %d and %j")
                regex += _DIGITS[code] if code else re.escape(text)
                codes += [code] if code else []
            end = match.end()
        parts.append(LocationPart(re.compile(regex + _glob(name[end:])), tuple(codes)))
    if day_of({code: "01" for part in parts for code in part.codes}) is None:
        raise ValueError(
            "no whole date in it; Mainstay loads one folder or file per business date, named by {date} or {date:%Y%m%d}"
        )
    return tuple(parts)


def _glob(text: str) -> str:
    return fnmatch.translate(text).removesuffix(r"\Z")


def day_of(codes: Mapping[str, str]) -> date | None:
    """The date that strptime codes and their digits tell; None where they tell no whole date, or none that exists."""
    year = next((c for c in "Yy" if c in codes), None)
    rest = "md" if "m" in codes and "d" in codes else "j" if "j" in codes else None
    if year is None or rest is None:
        return None
    used = year + rest
    try:
        digits = " ".join(codes[c].zfill(4 if c == "Y" else 3 if c == "j" else 2) for c in used)
        return datetime.strptime(digits, " ".join(f"%{c}" for c in used)).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def sql_faults(
    columns: Iterable[Column], rules: Iterable[RowRule], formats: Mapping[str, str], added: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    """Place and fault of each pattern, bound, allowed value, format, expression and rule that DuckDB cannot run.

    Args:
        columns: the contract's columns.
        rules: the contract's row rules.
        formats: date and timestamp formats by their place.
        added: columns and types that rules and expressions see besides the contract's own.
    """
    columns = tuple(columns)
    types = {**added, **{c.name: c.type for c in columns}}
    empty = "(SELECT " + ", ".join(f"CAST(NULL AS {t}) AS {ident(n)}" for n, t in types.items()) + ")"
    probes = [
        (place, f"SELECT try_strptime('', {literal(format_)})")
        for place, format_ in formats.items()
        if format_ != ISO
    ]
    for column in columns:
        place = f"column {column.name}"
        if column.pattern is not None:
            probes.append(
                (
                    f"{place}: pattern {column.pattern!r}",
                    f"SELECT regexp_matches('', {literal(column.pattern)})",
                )
            )
        if column.format is not None and column.format != ISO and column.type in ("DATE", "TIMESTAMP"):
            probes.append(
                (f"{place}: format {column.format!r}", f"SELECT try_strptime('', {literal(column.format)})")
            )
        bounds = (column.minimum, column.maximum, column.exclusive_minimum, column.exclusive_maximum)
        values = [*(str(b) for b in bounds if b is not None), *(column.allowed or ())]
        probes += [(f"{place}: value {v!r}", f"SELECT CAST({literal(v)} AS {column.type})") for v in values]
        if column.expression is not None:
            probes.append(
                (
                    f"{place}: transformLogic",
                    f"SELECT *, CAST(({column.expression}) AS {column.type}) FROM {empty} WHERE false",
                )
            )
    probes += [(f"rule {r.name}", f"SELECT * FROM {empty} WHERE ({r.condition}) AND false") for r in rules]
    with closing(duckdb.connect(config={"threads": 1})) as connection:
        for place, probe in probes:
            try:
                connection.execute(probe)
            except duckdb.Error as error:
                yield place, str(error).splitlines()[0]
