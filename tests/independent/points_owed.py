"""What is owed for points that are not yet redeemed, by the month in which they were earned or will expire."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd

from .earning import Receipt, expected
from .history import Settings, first_day, is_complete, last_day, month_of

LIABILITY = [
    "month", "earn_month", "is_complete_month", "opening", "earned", "reversed", "redeemed", "expired", "closing",
    "expected_redemption_points", "allocated_revenue", "recognised_revenue", "recognised_to_date", "deferred_revenue",
]  # fmt: skip
AGEING = ["expiry_month", "points", "value"]


def points_liability_monthly(
    ledger: list[dict[str, Any]],
    bought: list[Receipt],
    expectations: list[dict[str, Any]],
    as_of_date: date,
) -> pd.DataFrame:
    """Month x earn_month, until the cohort's closing is 0."""
    moved: dict[tuple[int, int, str], int] = defaultdict(int)
    for row in ledger:
        if row["points"]:
            moved[month_of(row["lot_date"]), month_of(row["business_date"]), row["movement"]] += row["points"]
    sold: dict[int, Fraction] = defaultdict(Fraction)
    for receipt in bought:
        if receipt.points > 0:
            sold[month_of(receipt.day)] += receipt.net
    rows = []
    for cohort in sorted({cohort for cohort, *_ in moved}):
        earned = moved[cohort, cohort, "earn"]
        value, rate = expected(expectations, min(last_day(cohort), as_of_date))
        revenue, alone = max(sold[cohort], Fraction(0)), earned * value * rate
        whole = revenue * alone / (revenue + alone) if revenue + alone else Fraction(0)
        opening = reversed_ = redeemed = 0
        before = Fraction(0)
        for month in range(cohort, month_of(as_of_date) + 1):
            flows = {name: -moved[cohort, month, name] for name in ("reverse", "redeem", "expire")}
            reversed_, redeemed = reversed_ + flows["reverse"], redeemed + flows["redeem"]
            closing = opening + (earned if month == cohort else 0) - sum(flows.values())
            _, rate = expected(expectations, min(last_day(month), as_of_date))
            expected_points = max(Fraction(redeemed), (earned - reversed_) * rate)
            allocated = whole * (earned - reversed_) / earned
            to_date = allocated * redeemed / expected_points if expected_points else Fraction(0)
            to_date = allocated if closing == 0 else to_date
            figures = (
                first_day(month), first_day(cohort), is_complete(month, as_of_date), opening,
                earned if month == cohort else 0, flows["reverse"], flows["redeem"], flows["expire"], closing,
                expected_points, allocated, to_date - before, to_date, allocated - to_date,
            )  # fmt: skip
            rows.append(dict(zip(LIABILITY, figures, strict=True)))
            opening, before = closing, to_date
            if closing == 0:
                break
    return pd.DataFrame(rows, columns=LIABILITY, dtype=object)


def points_ageing(
    ledger: list[dict[str, Any]],
    expectations: list[dict[str, Any]],
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """What is left by the month in which it expires."""
    months: dict[date, int] = defaultdict(int)
    for (_, lot), points in left_in_lots(ledger).items():
        months[first_day(month_of(lot) + settings.points_expiry_months)] += points
    value, _ = expected(expectations, as_of_date)
    rows = [(month, points, points * value) for month, points in sorted(months.items())]
    return pd.DataFrame(rows, columns=AGEING, dtype=object)


def left_in_lots(ledger: list[dict[Any, Any]]) -> dict[tuple[str, date], int]:
    """Points that are left, by customer and lot."""
    left: dict[tuple[str, date], int] = defaultdict(int)
    for row in ledger:
        if row["points"]:
            left[row["customer_id"], row["lot_date"]] += row["points"]
    return {lot: points for lot, points in left.items() if points}


def expiry(lot: date, months: int) -> date:
    """The last day of a lot: its points can be redeemed on it, and expire at its end."""
    return last_day(month_of(lot) + months)
