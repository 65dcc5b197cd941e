"""What a receipt earns, and the policies of the points as they are in force on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd

from .history import dates_of, exact, is_null, month_of


@dataclass(frozen=True)
class PointsPolicies:
    """The rows of the three policy files."""

    rates: list[dict[str, Any]] = field(default_factory=list)
    multipliers: list[dict[str, Any]] = field(default_factory=list)
    expectations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Receipt:
    """The lines of one transaction, customer and day."""

    transaction_id: str
    customer_id: str
    day: date
    net: Fraction
    points: int


def receipts(
    transactions: pd.DataFrame, tiers: pd.DataFrame, policies: PointsPolicies, as_of_date: date
) -> list[Receipt]:
    """The receipts of known customers with what they earn, or lose, at their own day's rates."""
    held = {(row["customer_id"], month_of(row["month"])): row["tier"] for row in tiers.to_dict("records")}
    net: dict[tuple[str, str, date], Fraction] = defaultdict(Fraction)
    earned: dict[tuple[str, str, date], Fraction] = defaultdict(Fraction)
    for day, row in zip(
        dates_of(transactions["business_date"]), transactions.to_dict("records"), strict=True
    ):
        who = row["customer_id"]
        if day > as_of_date or is_null(who):
            continue
        key = (row["transaction_id"], who, day)
        amount = Fraction(exact(row["net_amount"], is_cents=True))
        category = "unknown" if is_null(row["category"]) else row["category"]
        rate = in_force(policies.rates, day, category=category) or in_force(
            policies.rates, day, category="all"
        )
        tier = held.get((who, month_of(day) - 1))
        multiplier = in_force(policies.multipliers, day, tier=tier)
        net[key] += amount
        earned[key] += (
            amount
            * (Fraction(exact(rate["points_per_currency_unit"])) if rate else 0)
            * (Fraction(exact(multiplier["multiplier"])) if multiplier else 1)
        )
    # int() cuts a fraction towards zero.
    return [Receipt(*key, net=net[key], points=int(points)) for key, points in earned.items()]


def in_force(rows: Iterable[Mapping[str, Any]], day: date, **group: str | None) -> Mapping[str, Any] | None:
    """The row of the group that was last to become valid on or before the day."""
    found = [
        row
        for row in rows
        if row["valid_from"] <= day and all(row[name] == value for name, value in group.items())
    ]
    return max(found, key=lambda row: row["valid_from"], default=None)


def expected(expectations: list[dict[str, Any]], day: date) -> tuple[Fraction, Fraction]:
    """Value of a point and the share that is redeemed, as expected on a day; before the first expectation that one."""
    row = in_force(expectations, day) or min(expectations, key=lambda row: row["valid_from"], default=None)
    if row is None:
        return Fraction(0), Fraction(0)
    return Fraction(exact(row["points_value"])), Fraction(exact(row["expected_redemption_rate"]))
