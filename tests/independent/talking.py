"""What there is to say to a customer, and how urgent it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd

from .feedback import Said
from .history import Settings, last_day, month_of
from .points import expiring
from .tiers import Policy

COMPLAINT_DAYS = 90
NEAR = Fraction(1, 10)


def facts(
    tiers: Mapping[str, dict[str, Any]],
    said: list[Said],
    marts: Mapping[str, pd.DataFrame],
    tier_policy: pd.DataFrame,
    settings: Settings,
    as_of_date: date,
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Talking points by customer in their order, and the priority of those who have one of 1 to 3."""
    complaining = {
        s.customer_id
        for s in said
        if s.kind == "complaint" and s.resolved_at is None and (as_of_date - s.day).days < COMPLAINT_DAYS
    }
    at_risk = {
        row["customer_id"]
        for row in marts["customer_retention"].to_dict("records")
        if row["status"] == "at_risk"
    }
    levels = Policy(tier_policy).in_force(month_of(as_of_date))
    next_month = last_day(month_of(as_of_date) + 1)
    losing = expiring(marts["points_ledger"], settings, next_month)
    room = _headroom(marts["share_of_wallet_monthly"], as_of_date)
    codes: dict[str, list[str]] = {}
    urgent: dict[str, int] = {}
    for who, assessed in tiers.items():
        own = []
        if who in complaining:
            own.append("open_complaint")
        if who in losing:
            own.append("points_expiring")
        if who in at_risk:
            own.append("at_risk")
        if who in room:
            own.append(f"wallet_headroom:{room[who]}")
        codes[who] = own + _near(assessed, levels)
        is_top = assessed["tier"] == levels[0][0]
        if who in complaining or (is_top and who in at_risk):
            urgent[who] = 1
        elif who in at_risk:
            urgent[who] = 2
        elif is_top:
            urgent[who] = 3
    return codes, urgent


def _headroom(wallets: pd.DataFrame, as_of_date: date) -> dict[str, str]:
    """The category with the largest headroom in the quadrant `grow`, by customer; ties by name."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in wallets.to_dict("records"):
        if (
            month_of(row["month"]) == month_of(as_of_date)
            and row["category"] != "all"
            and row["wallet_quadrant"] == "grow"
        ):
            found[row["customer_id"]].append((-row["headroom"], row["category"]))
    return {who: min(rooms)[1] for who, rooms in found.items()}


def _near(assessed: Mapping[str, Any], levels: list[tuple[str, Fraction]]) -> list[str]:
    """Whether the average is within a tenth of the next better tier's bound, or of the own one's."""
    places = {tier: place for place, (tier, _) in enumerate(levels)}
    place = places.get(assessed["tier"])
    if place is None:
        return []
    average = Fraction(assessed["window_revenue"]) / assessed["months_observed"]
    near = []
    if place > 0:
        bound = levels[place - 1][1]
        if bound * (1 - NEAR) <= average < bound:
            near.append("tier_near_up")
    bound = levels[place][1]
    if bound > 0 and abs(average - bound) <= bound * NEAR:
        near.append("tier_near_down")
    return near
