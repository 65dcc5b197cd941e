"""The report's words, numbers and dates: catalogues in `texts/`, one for each language, all with the same keys."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_decimal

if TYPE_CHECKING:
    from datetime import date, datetime

_FOLDER = Path(__file__).parent / "texts"


_SIGNIFICANT, _DECIMALS = 4, 2
"""Digits of a number in millions or 万, and those of them after the point: as many as a reader still takes in."""


class Texts:
    """One language's words; `texts("a.key", name=…)` fills in names. Its numbers and dates are as the language writes them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = words(language)
        self._locale = self._words["locale.name"]
        # From where on a number is told in units such as 万, and how many noughts those are apart.
        self._large, self._noughts = (
            int(self._words[f"locale.{name}"]) for name in ("large_from", "noughts")
        )

    def __call__(self, key: str, **names: object) -> str:
        """The words of a key.

        Raises:
            KeyError: the catalogue has no such key, or the words ask for a name that is not given.
        """
        return self._words[key].format(**names)

    def sentences(self, *parts: str) -> str:
        """Sentences one after the other, with a space between only where the language has one."""
        return "".join(f"{part} " if part and part[-1].isascii() else part for part in parts).rstrip()

    def __contains__(self, key: str) -> bool:
        return key in self._words

    def known(self, key: str, otherwise: str) -> str:
        """The words of a key that data gave, or the data's own word for it."""
        return self._words.get(key, otherwise)

    def number(self, value: float | None) -> str:
        """A count or an amount, whole; a large one in millions, 万 or 亿, so that a column stays narrow."""
        if value is None:
            return "–"
        if abs(value) < self._large:
            return f"{value:,.0f}"
        digits = min(_DECIMALS, _SIGNIFICANT - 1 - math.floor(math.log10(abs(value))) % self._noughts)
        return str(format_compact_decimal(value, locale=self._locale, fraction_digits=digits))

    def hours(self, value: float | None) -> str:
        """Hours for a person: with a decimal below ten."""
        return "–" if value is None else f"{value:,.{1 if value < 10 else 0}f}"

    def day(self, value: date) -> str:
        """A date in words: 31 December 2017, 2017年12月31日."""
        return str(format_date(value, "long", locale=self._locale))

    def moment(self, value: datetime) -> str:
        """A date and a time of day in UTC."""
        return self("moment", day=self.day(value.date()), time=f"{value:%H:%M}")

    def month(self, value: date) -> str:
        """A month in words: December 2017, 2017年12月."""
        return str(format_skeleton("yMMMM", value, locale=self._locale))

    def month_in_table(self, value: date) -> str:
        """A month in a narrow column."""
        return str(format_skeleton("yMMM", value, locale=self._locale))

    def month_on_axis(self, value: date) -> str:
        """A month above its year."""
        return "<br>".join(str(format_skeleton(part, value, locale=self._locale)) for part in ("MMM", "y"))


@cache
def words(language: str) -> dict[str, str]:
    """A language's words by dotted key.

    Raises:
        ValueError: two of its catalogues have words for the same key.
    """
    found: dict[str, str] = {}
    for path in (_FOLDER / f"{language}.yaml", *sorted(_FOLDER.glob(f"{language}.*.yaml"))):
        more = dict(_flat("", yaml.safe_load(path.read_text(encoding="utf-8"))))
        if twice := found.keys() & more.keys():
            raise ValueError(f"{path.name}: {', '.join(sorted(twice))} stand in another catalogue too")
        found |= more
    return found


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(prefix, str(value))]
    return [pair for key, item in value.items() for pair in _flat(f"{prefix}.{key}" if prefix else key, item)]
