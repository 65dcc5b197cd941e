"""What the scale generator's SQL is put together from: draws by key, lists, months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.quoting import literal


def draw(*keys: str, seed: int) -> str:
    """SQL of a number in [0, 1) that belongs to the keys."""
    return f"((hash({', '.join(keys)}, {seed}) % 1000003) / 1000003.0)"


def literal_list(values: Sequence[str]) -> str:
    """SQL of a list of texts."""
    return f"[{', '.join(map(literal, values))}]"


def add_months(day: date, months: int) -> date:
    """The first day of the month so many months after the day's."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
