"""Survival curves: what is timed for each curve and group, and the estimate of it, ours and that of lifelines."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

from .history import Customer, Settings, Transactions, buyers
from .retention import Thresholds, gap_curve, gap_durations, thresholds
from .survival import CURVE, kaplan_meier

Durations = tuple[list[int], list[int]]
"""Days that ended with the event, and days that were cut off."""


def lifetime(customer: Customer, limit: Thresholds, as_of_date: date) -> tuple[int, bool]:
    """Days from the first purchase day to the last one before the first lapse, or to `as_of_date` without one."""
    first = customer.days[0]
    following: list[date | None] = [*customer.days[1:], None]
    for day, after in zip(customer.days, following, strict=True):
        lapse = limit.lapse_date(day)
        if lapse <= (as_of_date if after is None else after):
            return (day - first).days, True
    return (as_of_date - first).days, False


def durations(
    transactions: Transactions, tiers: pd.DataFrame, settings: Settings, as_of_date: date
) -> dict[tuple[str, str], Durations]:
    """What is timed, by curve and group; `tiers` is the frame of customer_tiers_monthly."""
    customers = buyers(transactions, as_of_date)
    if not customers:
        return {}
    first_tiers: dict[str, str] = {}
    for row in tiers.sort_values("month").to_dict("records"):
        if row["is_complete_month"] and row["tier"] not in ("new", "lapsed"):
            first_tiers.setdefault(row["customer_id"], row["tier"])
    found: dict[tuple[str, str], Durations] = {("gap", "all"): gap_durations(customers, as_of_date)}

    def add(curve: str, group: str, days: int, is_event: bool) -> None:
        found.setdefault((curve, group), ([], []))[0 if is_event else 1].append(days)

    curve = gap_curve(customers, as_of_date)
    for customer in customers:
        until_second = customer.gaps[0] if customer.gaps else (as_of_date - customer.days[0]).days
        add("time_to_second_purchase", "all", until_second, bool(customer.gaps))
        days, is_event = lifetime(customer, thresholds(customer, curve, settings), as_of_date)
        add("lifetime", "all", days, is_event)
        if customer.customer_id in first_tiers:
            add("lifetime", first_tiers[customer.customer_id], days, is_event)
    return found


def survival_curves(timed: dict[tuple[str, str], Durations]) -> pd.DataFrame:
    """Each curve and group, a row per day with an event or a censoring."""
    frames = [
        kaplan_meier(*days).frame.assign(curve=curve, group_name=group)
        for (curve, group), days in timed.items()
    ]
    return pd.concat(frames, ignore_index=True)[["curve", "group_name", *CURVE]]


def by_lifelines(timed: dict[tuple[str, str], Durations]) -> pd.DataFrame:
    """As `survival_curves`, by lifelines.

    lifelines says 0 for the interval of a survival of 0, where the mart, as other packages, says nothing. Its
    Greenwood sum has no public name.
    """
    frames = []
    for (curve, group), (ended, cut) in timed.items():
        fitter = KaplanMeierFitter().fit([*ended, *cut], [True] * len(ended) + [False] * len(cut))
        table = fitter.event_table
        frame = pd.DataFrame(
            {
                "at_risk_count": table["at_risk"],
                "event_count": table["observed"],
                "censored_count": table["censored"],
                "survival": fitter.survival_function_.iloc[:, 0],
                "greenwood_sum": fitter._cumulative_sq_,
                "ci_low": fitter.confidence_interval_.iloc[:, 0],
                "ci_high": fitter.confidence_interval_.iloc[:, 1],
            }
        )
        frame = frame[table["removed"] > 0]
        frame["standard_error"] = frame["survival"] * np.sqrt(frame["greenwood_sum"])
        over = frame["survival"] == 0
        frame.loc[over, ["standard_error", "ci_low", "ci_high"]] = np.nan
        frame["day"] = frame.index.astype(int)
        frames.append(frame.assign(curve=curve, group_name=group))
    return pd.concat(frames, ignore_index=True)[["curve", "group_name", *CURVE]]
