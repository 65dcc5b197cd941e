"""Defections by month of the lapse, tier before and reason; who came back, contacted or not."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

import pandas as pd

from .feedback import rate
from .history import Settings, first_day, is_complete, is_null, month_of
from .intervals import newcombe

SUMMARY = [
    "month", "tier_before", "reason", "is_complete_month", "lapses", "defections", "yearly_value_lost", "contacted",
    "won_back", "lapses_180d_old", "won_back_180d", "won_back_rate", "contacted_30d", "won_back_rate_contacted",
    "not_contacted_30d", "won_back_rate_not_contacted", "won_back_rate_difference", "difference_ci_low",
    "difference_ci_high", "is_reportable",
]  # fmt: skip

OLD_DAYS = 180
OPEN_DAYS = 30


def defections_summary_monthly(defected: pd.DataFrame, settings: Settings, as_of_date: date) -> pd.DataFrame:
    """Month x tier_before x reason that exist, each with `all`, from the frame of defections."""
    groups: dict[tuple[int, str, str], list[dict]] = defaultdict(list)
    seen: set[tuple[str, int]] = set()
    for row in defected.sort_values(["customer_id", "lapse_number"]).to_dict("records"):
        month = month_of(row["lapse_date"])
        # The value of a customer who defects twice in a month is lost once, where the first one counts.
        is_first = row["is_defection"] and (row["customer_id"], month) not in seen
        if is_first:
            seen.add((row["customer_id"], month))
        for tier in ("all", row["tier_before"]):
            for reason in ("all", row["reason"]):
                groups[month, tier, reason].append(row | {"is_first": is_first})
    rows = []
    for (month, tier, reason), own in sorted(groups.items()):
        key = {"month": first_day(month), "tier_before": tier, "reason": reason}
        rows.append(
            key | {"is_complete_month": is_complete(month, as_of_date)} | _figures(own, settings, as_of_date)
        )
    return pd.DataFrame(rows, columns=SUMMARY).astype(object)


def _figures(own: list[dict], settings: Settings, as_of_date: date) -> dict[str, object]:
    old = [row for row in own if row["lapse_date"] + timedelta(days=OLD_DAYS) <= as_of_date]
    soon = sum(_back_within(row, 0, OLD_DAYS) for row in old)
    won_back_rate = rate(soon, len(old), settings.min_group_answers)
    # The honest comparison: a quick returner cannot be contacted.
    still_open = [row for row in old if not _back_within(row, 0, OPEN_DAYS)]
    contacted = [row for row in still_open if _is_contacted(row)]
    others = [row for row in still_open if not _is_contacted(row)]
    counts = [
        (sum(_back_within(row, OPEN_DAYS + 1, OLD_DAYS) for row in side), len(side))
        for side in (contacted, others)
    ]
    with_contact, without = (rate(*count, settings.min_group_answers) for count in counts)
    is_compared = with_contact is not None and without is not None
    low, high = newcombe(*counts[0], *counts[1]) if is_compared else (None, None)
    return {
        "lapses": len(own),
        "defections": sum(row["is_defection"] for row in own),
        "yearly_value_lost": sum((row["yearly_value_lost"] for row in own if row["is_first"]), Fraction(0)),
        "contacted": sum(row["contacts"] > 0 for row in own),
        "won_back": sum(not row["is_open"] for row in own),
        "lapses_180d_old": len(old),
        "won_back_180d": soon,
        "won_back_rate": won_back_rate,
        "contacted_30d": len(contacted),
        "won_back_rate_contacted": with_contact,
        "not_contacted_30d": len(others),
        "won_back_rate_not_contacted": without,
        "won_back_rate_difference": with_contact - without
        if with_contact is not None and without is not None
        else None,
        "difference_ci_low": low,
        "difference_ci_high": high,
        "is_reportable": won_back_rate is not None,
    }


def _back_within(row: dict, first: int, last: int) -> bool:
    return not row["is_open"] and first <= row["won_back_days"] <= last


def _is_contacted(row: dict) -> bool:
    """Contacted in the first 30 days."""
    return (
        not is_null(row["first_contacted_date"])
        and (row["first_contacted_date"] - row["lapse_date"]).days <= OPEN_DAYS
    )
