"""The points ledger, walked movement by movement, and what is owed for the points that are left.

Where the definitions leave a choice:
- A receipt of points that are cut to 0 is no movement. A receipt is the lines of one transaction, customer and day, for
  customers that have a number.
- Within a day and kind, receipts go by their number, redemptions by their moment and number. All that was earned in a day
  is one lot. A day's refund may take from that day's lot.
- A debt is paid right after each receipt that earns, the oldest debt first, with a shortfall of 0.
- A refund that takes nothing leaves a row that tells its shortfall: 0 points, of no lot.
- A redemption beyond the balance tells its rest in `points_overdrawn` alone; one that takes nothing leaves no row.
- `points_ageing` values a point at `points_value` alone, as the policy has it on the as-of date.
- A cohort's last row is the one with closing 0. Revenue of its receipts that is not above zero is allocated to nothing.
- Where no point is expected to be redeemed, none is recognised before closing 0. Without any expectation, points are
  worth 0 and none is expected to be redeemed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from .earning import PointsPolicies, receipts
from .history import Settings, last_day, month_of
from .lines import local_day, moment
from .points_owed import AGEING, LIABILITY, expiry, left_in_lots, points_ageing, points_liability_monthly

LEDGER = [
    "customer_id", "business_date", "movement", "points", "balance_after", "lot_date", "source_id", "shortfall",
]  # fmt: skip
OVERDRAWN = ["redemption_id", "customer_id", "business_date", "points_overdrawn"]


@dataclass
class Account:
    """One customer's points: what is left of each day's lot, and what refunds are still owed."""

    customer_id: str
    lots: dict[date, int] = field(default_factory=dict)
    debts: list[tuple[str, int]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(self.lots.values())

    def earn(self, day: date, points: int, source: str) -> None:
        """Earn, and pay what is owed."""
        self.lots[day] = self.lots.get(day, 0) + points
        self._record(day, "earn", points, day, source)
        owed, self.debts = self.debts, []
        for refund, debt in owed:
            payment = min(debt, self.balance)
            if payment:
                self.take(day, "reverse", payment, refund)
            if payment < debt:
                self.debts.append((refund, debt - payment))

    def take(self, day: date, movement: str, points: int, source: str) -> int:
        """Take from the oldest lots as far as they go; returns what could not be taken."""
        rest = points
        for lot in sorted(self.lots):
            part = min(rest, self.lots[lot])
            if part:
                self.lots[lot] -= part
                rest -= part
                self._record(day, movement, -part, lot, source)
        if rest and movement == "reverse":
            if rest == points:
                self._record(day, movement, 0, None, source)
            self.rows[-1]["shortfall"] = rest
        return rest

    def expire(self, until: date, months: int) -> None:
        """Let go what expires on or before a day."""
        for lot in sorted(self.lots):
            end = expiry(lot, months)
            if end <= until:
                points = self.lots.pop(lot)
                if points:
                    self._record(end, "expire", -points, lot, None)

    def _record(self, day: date, movement: str, points: int, lot: date | None, source: str | None) -> None:
        figures = (self.customer_id, day, movement, points, self.balance, lot, source, 0)
        self.rows.append(dict(zip(LEDGER, figures, strict=True)))


def points_marts(
    transactions: pd.DataFrame,
    redemptions: pd.DataFrame,
    tiers: pd.DataFrame,
    policies: PointsPolicies,
    settings: Settings,
    as_of_date: date,
) -> dict[str, pd.DataFrame]:
    """The four marts of points by name.

    `transactions`: transaction_id, customer_id, business_date, net_amount, category; `redemptions`: redemption_id,
    customer_id, redeemed_at (UTC), points; `tiers`: customer_tiers_monthly.
    """
    if not policies.rates:
        return {
            "points_ledger": pd.DataFrame(columns=LEDGER),
            "points_overdrawn": pd.DataFrame(columns=OVERDRAWN),
            "points_liability_monthly": pd.DataFrame(columns=LIABILITY),
            "points_ageing": pd.DataFrame(columns=AGEING),
        }
    bought = receipts(transactions, tiers, policies, as_of_date)
    spent = sorted(
        (at, row["redemption_id"], row["customer_id"], int(row["points"]))
        for row in redemptions.to_dict("records")
        if (at := moment(row["redeemed_at"])) is not None and local_day(at, settings.timezone) <= as_of_date
    )
    events: dict[str, list[tuple[date, int, str, int]]] = defaultdict(list)
    for receipt in sorted(bought, key=lambda receipt: receipt.transaction_id):
        if receipt.points:
            kind = 0 if receipt.points > 0 else 1
            events[receipt.customer_id].append(
                (receipt.day, kind, receipt.transaction_id, abs(receipt.points))
            )
    for at, redemption_id, who, points in spent:
        events[who].append((local_day(at, settings.timezone), 2, redemption_id, points))

    accounts, overdrawn = [], []
    for who, own in sorted(events.items()):
        account = Account(who)
        for day, kind, source, points in sorted(own, key=lambda event: event[:2]):
            account.expire(last_day(month_of(day) - 1), settings.points_expiry_months)
            if kind == 0:
                account.earn(day, points, source)
                continue
            rest = account.take(day, "redeem" if kind == 2 else "reverse", points, source)
            if rest and kind == 2:
                overdrawn.append((source, who, day, rest))
            elif rest and settings.points_on_shortfall == "debt":
                account.debts.append((source, rest))
        account.expire(as_of_date, settings.points_expiry_months)
        accounts.append(account)
    rows = [row for account in accounts for row in account.rows]
    return {
        "points_ledger": pd.DataFrame(rows, columns=LEDGER, dtype=object),
        "points_overdrawn": pd.DataFrame(overdrawn, columns=OVERDRAWN, dtype=object),
        "points_liability_monthly": points_liability_monthly(rows, bought, policies.expectations, as_of_date),
        "points_ageing": points_ageing(rows, policies.expectations, settings, as_of_date),
    }


def expiring(ledger: pd.DataFrame, settings: Settings, until: date) -> set[str]:
    """The customers with points left that expire on or before a day."""
    months = settings.points_expiry_months
    left = left_in_lots(ledger.to_dict("records"))
    return {who for who, lot in left if expiry(lot, months) <= until}
