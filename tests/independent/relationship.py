"""How close the relationship is: loose, close, committed, partner."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from fractions import Fraction

import pandas as pd

from .history import Customer, Settings, is_null, last_day, month_of
from .lines import Ledger, net_of
from .loyalty import shares_of_wallet

STAGES = [
    "customer_id", "month", "is_complete_month", "stage", "previous_stage", "purchase_months_3", "share_of_wallet",
    "discount_share", "has_referred_buyer", "has_account_manager",
]  # fmt: skip


def relationship_stages_monthly(
    customers: list[Customer],
    lines: Ledger,
    masters: pd.DataFrame,
    tiers: pd.DataFrame,
    wallets: pd.DataFrame,
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """Customer x month with a tier row that is not `lapsed`.

    `masters`: customer_id, referred_by_customer_id and account_manager_employee_id as far as they are there.
    """
    days_of = {customer.customer_id: customer.days for customer in customers}
    shares = shares_of_wallet(wallets)
    referred: dict[str, list[str]] = defaultdict(list)
    managed = set()
    for row in masters.to_dict("records"):
        by = row.get("referred_by_customer_id")
        if not is_null(by) and by != row["customer_id"]:
            referred[by].append(row["customer_id"])
        if not is_null(row.get("account_manager_employee_id")):
            managed.add(row["customer_id"])
    stages: dict[tuple[str, int], str] = {}
    rows = []
    for assessed in tiers[tiers["tier"] != "lapsed"].sort_values("month").to_dict("records"):
        who, month = assessed["customer_id"], month_of(assessed["month"])
        bought = {month_of(day) for day in days_of[who]}
        months = sum(m in bought for m in (month - 2, month - 1, month))
        share, discount = shares.get((who, month)), _discount_share(lines[who], month, settings)
        end = min(last_day(month), as_of_date)
        has_buyer = any(day <= end for other in referred[who] for day in days_of.get(other, []))
        stage = "loose"
        if months == 3:
            stage = "close"
            if (
                share is not None
                and share >= 0.5
                and discount is not None
                and discount <= Fraction(str(settings.committed_max_discount_share))
            ):
                stage = "partner" if has_buyer or who in managed else "committed"
        stages[who, month] = stage
        rows.append(
            {
                "customer_id": who,
                "month": assessed["month"],
                "is_complete_month": assessed["is_complete_month"],
                "stage": stage,
                "previous_stage": stages.get((who, month - 1)),
                "purchase_months_3": months,
                "share_of_wallet": share,
                "discount_share": None if discount is None else float(discount),
                "has_referred_buyer": has_buyer,
                "has_account_manager": who in managed,
            }
        )
    return pd.DataFrame(rows, columns=STAGES).astype(object)


def _discount_share(lines: list, month: int, settings: Settings) -> Fraction | None:
    """Of the net amount of the tier window's lines above zero, what was on lines with a discount."""
    sold = [
        line
        for line in lines
        if line.net > 0 and month - settings.tier_window_months < month_of(line.day) <= month
    ]
    whole = net_of(sold)
    return net_of([line for line in sold if line.is_discounted]) / whole if whole else None
