"""What the calculation knows of a customer's lines day by day, where months are too coarse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pandas as pd

from .history import dates_of, exact, is_null


@dataclass(frozen=True)
class Line:
    """One line of a receipt; a line without a category is of the category `unknown`."""

    day: date
    net: Fraction
    profit: Fraction
    category: str
    is_discounted: bool
    store_id: str | None


Ledger = dict[str, list[Line]]
"""The lines of each known customer."""


def ledger(transactions: pd.DataFrame, as_of_date: date) -> Ledger:
    """The lines up to the as-of date that have a customer."""
    lines: Ledger = defaultdict(list)
    days = dates_of(transactions["business_date"])
    for day, row in zip(days, transactions.to_dict("records"), strict=True):
        if day > as_of_date or is_null(row["customer_id"]):
            continue
        discount, store = row.get("discount_amount"), row.get("store_id")
        lines[row["customer_id"]].append(
            Line(
                day=day,
                net=Fraction(exact(row["net_amount"], is_cents=True)),
                profit=Fraction(exact(row["profit"])),
                category="unknown" if is_null(row["category"]) else row["category"],
                is_discounted=not is_null(discount) and exact(discount) > 0,
                store_id=None if is_null(store) else store,
            )
        )
    return dict(lines)


def between(lines: list[Line], first: date, last: date) -> list[Line]:
    """The lines from the first day to the last, both included."""
    return [line for line in lines if first <= line.day <= last]


def net_of(lines: list[Line]) -> Fraction:
    return sum((line.net for line in lines), Fraction(0))


def profit_of(lines: list[Line]) -> Fraction:
    return sum((line.profit for line in lines), Fraction(0))


def by_category(lines: list[Line]) -> dict[str, Fraction]:
    return _sums(lines, lambda line: line.category)


def _sums(lines: list[Line], name: Callable[[Line], str]) -> dict[str, Fraction]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for line in lines:
        sums[name(line)] += line.net
    return dict(sums)


def moment(value: object) -> datetime | None:
    """A UTC moment without a zone, or None."""
    return None if is_null(value) else pd.Timestamp(value).to_pydatetime()  # type: ignore[arg-type]


def local_day(at: datetime, timezone: str) -> date:
    """The business date of a UTC moment."""
    return at.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(timezone)).date()


def end_of_day(day: date, timezone: str) -> datetime:
    """The UTC moment at which a business date ends: what is at or after it has not happened on that day."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(timezone))
    return midnight.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
