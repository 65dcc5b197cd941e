"""Small inputs for the hand-worked cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from .history import first_day, month_of

POLICY = pd.DataFrame(
    {
        "valid_from": date(2000, 1, 1),
        "tier": ["diamond", "gold", "silver", "ordinary"],
        "tier_rank": [1, 2, 3, 4],
        "lower_bound": [1000, 500, 300, 0],
    }
)
SURVEY_COLUMNS = [
    "survey_id", "category", "brand", "customer_id", "business_date", "is_own_brand", "preference_rank",
    "declared_wallet",
]  # fmt: skip
NO_SURVEYS = pd.DataFrame(columns=SURVEY_COLUMNS)
CUSTOMERS = pd.DataFrame({"customer_id": ["a"], "region": ["north"]})


def lines(*rows: tuple[str, str, str], category: str = "tea") -> pd.DataFrame:
    """Transaction lines from (customer, day, amount), with a profit of a quarter."""
    return pd.DataFrame(
        [
            {
                "customer_id": who,
                "business_date": date.fromisoformat(day),
                "net_amount": Decimal(amount),
                "profit": Decimal(amount) / 4,
                "category": category,
            }
            for who, day, amount in rows
        ]
    )


def spend_each_month(who: str, start: date, amounts: Sequence[str]) -> pd.DataFrame:
    """One purchase on the tenth of each month from `start` on."""
    days = [first_day(month_of(start) + number).replace(day=10) for number in range(len(amounts))]
    return lines(*[(who, str(day), amount) for day, amount in zip(days, amounts, strict=True)])


def bought_on(who: str, *offsets: int) -> pd.DataFrame:
    """Purchases of 10 so many days after 2024-01-01."""
    return lines(*[(who, str(date(2024, 1, 1) + timedelta(days=n)), "10") for n in offsets])


def survey(
    survey_id: str,
    who: str,
    day: str,
    ranks: Sequence[float | None] = (),
    declared: float | None = None,
    category: str = "tea",
) -> pd.DataFrame:
    """A survey whose first brand is ours; without ranks one unranked row carries the declared wallet."""
    return pd.DataFrame(
        [
            (
                survey_id,
                category,
                f"brand {number}",
                who,
                date.fromisoformat(day),
                number == 0,
                rank,
                declared,
            )
            for number, rank in enumerate(ranks or [None])
        ],
        columns=SURVEY_COLUMNS,
    )
