"""Where a dataset's landing files lie: locations with dates in their folder and file names."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"\{date(?::([^}]+))?\}")
_SHOWN = {"Y": "YYYY", "y": "YY", "m": "MM", "d": "DD", "j": "DDD"}
_DIGITS = {"Y": r"(\d{4})", "m": r"(\d{2})", "d": r"(\d{2})", "y": r"(\d{2})", "j": r"(\d{3})"}


@dataclass(frozen=True)
class LandingFile:
    """A file that belongs to a dataset and a landing date."""

    dataset: str
    partition_date: date
    path: Path

    @cached_property
    def place(self) -> tuple[date, tuple[tuple[str | int, ...], ...], str]:
        """What files of a dataset are ordered by: date, then path as a person would count.

        `10.csv` comes after `9.csv`, and `sales.csv` before `sales-2.csv`, `sales (2).csv` and `sales_2.csv`.
        """
        return self.partition_date, tuple(map(_counted, self.path.parts)), str(self.path)


@dataclass(frozen=True)
class LocationPart:
    """One folder or file name of a location: what it matches, and which date codes its groups are."""

    regex: re.Pattern[str]
    codes: tuple[str, ...]


def _counted(name: str) -> tuple[str | int, ...]:
    """A name's texts and numbers in turn; a point, which ends the name proper, comes before any other sign."""
    parts = re.split(r"([0-9]+)", name.replace(".", "\0"))
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def split_location(location: str) -> list[str]:
    """The names of a location, outermost first; `{date:%Y/%m/%d}` spans three of them."""
    spread = _PLACE.sub(lambda m: m.group(0).replace("/", "}/{date:"), location)
    return [part for part in spread.split("/") if part not in ("", ".")]


def file_name(location: str, path: Path) -> str:
    """A landing file's name with its folders below the landing folder, or below the fixed part of an absolute location."""
    parts = split_location(location)
    while location.startswith("/") and len(parts) > 1 and not set("{*?") & set(parts[0]):
        parts = parts[1:]
    return "/".join(path.parts[-len(parts) :])


def fixed_folder(landing: Path, location: str) -> Path:
    """The folder below which all files of a location lie: its leading part that names no date and no pattern."""
    folder = Path("/") if location.startswith("/") else landing
    for part in split_location(location)[:-1]:
        if set("{*?") & set(part):
            break
        folder /= part
    return folder


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
            "no whole date in it; Mainstay loads one folder or file per landing date, named by {date} or {date:%Y%m%d}; "
            "a monthly file, or a dump of all history, lands under its last day"
        )
    return tuple(parts)


def place_of(location: str, day: date | None = None) -> str:
    """A location as a person would write it: with the date, or with YYYY-MM-DD in its own form where there is none."""

    def written(match: re.Match[str]) -> str:
        form = match.group(1) or "%Y-%m-%d"
        if day is not None:
            return re.sub(
                "%([Yymdj])", lambda code: day.strftime(code.group(0)).zfill(4 if code[1] == "Y" else 0), form
            )
        return re.sub("%([Yymdj])", lambda code: _SHOWN[code[1]], form)

    return _PLACE.sub(written, location)


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
