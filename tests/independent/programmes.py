"""The marts of points, care and offers, from the sources, their policies and the marts before them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from .care import care_schedule
from .earning import PointsPolicies
from .feedback import heard
from .history import Settings, buyers, histories
from .offers import OFFERS_KEYS, offers_marts
from .points import points_marts

PROGRAMME_KEYS = {
    "points_ledger": ["customer_id", "business_date", "movement", "source_id", "lot_date", "nth"],
    "points_overdrawn": ["redemption_id"],
    "points_liability_monthly": ["month", "earn_month"],
    "points_ageing": ["expiry_month"],
    "care_schedule": ["customer_id", "contact_kind", "due_date"],
    **OFFERS_KEYS,
}
"""The grain of each mart; `nth` tells apart what a debt takes from one day's lot after several receipts."""

_READ = {
    "valid_from": date.fromisoformat,
    "day": int,
    "tier_rank": int,
    **dict.fromkeys(
        (
            "points_per_currency_unit", "multiplier", "points_value", "expected_redemption_rate", "lower_bound",
        ),
        Decimal,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ProgrammePolicies:
    """What the policy files say."""

    points: PointsPolicies
    care: list[dict[str, Any]]
    tiers: pd.DataFrame


def policies_of(folder: Path) -> ProgrammePolicies:
    """Read a deployment's policy files."""
    return ProgrammePolicies(
        PointsPolicies(
            *(_rows(folder / f"points_{name}.csv") for name in ("rates", "multipliers", "expectations"))
        ),
        _rows(folder / "care_policy.csv"),
        pd.DataFrame(_rows(folder / "tier_policy.csv")),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            {name: _READ.get(name, str)(text) for name, text in row.items()} for row in csv.DictReader(stream)
        ]


def calculate_programmes(
    source: Mapping[str, pd.DataFrame],
    marts: Mapping[str, pd.DataFrame],
    policies: ProgrammePolicies,
    settings: Settings,
    as_of_date: date,
) -> dict[str, pd.DataFrame]:
    """The marts by name; `marts` holds those of `calculate` from the same source, whose lines have their profit."""
    lines = source["transactions"]
    found = points_marts(
        lines,
        source["points_redemptions"],
        marts["customer_tiers_monthly"],
        policies.points,
        settings,
        as_of_date,
    )
    found["points_ledger"] = numbered(found["points_ledger"])
    found["care_schedule"] = care_schedule(
        buyers(histories(lines, as_of_date), as_of_date),
        source["customers"],
        source["interactions"],
        heard(source["feedback"], settings, as_of_date),
        {**marts, "points_ledger": found["points_ledger"]},
        policies.care,
        policies.tiers,
        settings,
        as_of_date,
    )
    return found | offers_marts(lines, settings, as_of_date)


def numbered(ledger: pd.DataFrame) -> pd.DataFrame:
    """The ledger with `nth`: of rows that are alike in the rest of the key, the one with the most points left is 1."""
    key = PROGRAMME_KEYS["points_ledger"][:-1]
    many: dict[tuple[Any, ...], int] = defaultdict(int)
    rows = sorted(ledger.to_dict("records"), key=lambda row: (-row["balance_after"], row["points"]))
    for row in rows:
        # Points expire of themselves: what a ledger names as the source of that is its own matter.
        row["source_id"] = None if row["movement"] == "expire" else row["source_id"]
        same = tuple(row[name] for name in key)
        many[same] += 1
        row["nth"] = many[same]
    return pd.DataFrame(rows, columns=[*ledger.columns, "nth"], dtype=object)
