"""Loyalty: attitude beside behaviour, and which drivers go with staying."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from statistics import stdev

import pandas as pd

from .feedback import Said, at_quantile, rate, tiers_by_month
from .history import Customer, Settings, first_day, is_complete, is_null, month_of, months_before, quantile
from .intervals import newcombe
from .lines import Ledger, between, net_of, profit_of

MATRIX = [
    "customer_id", "attitude_score", "attitude_kind", "attitude_at", "attitude", "purchase_days_12m",
    "median_purchase_days_12m", "share_of_wallet", "behaviour", "loyalty", "tier", "revenue_12m", "profit_12m",
]  # fmt: skip
MATRIX_SUMMARY = [
    "tier", "attitude_kind", "loyalty", "customer_count", "customer_share", "revenue_12m", "profit_12m",
]  # fmt: skip
DRIVERS = [
    "month", "driver", "is_complete_month", "answers", "mean_score", "score_standard_error", "high_raters",
    "high_retained", "high_retention_rate", "low_raters", "low_retained", "low_retention_rate",
    "retention_difference", "difference_ci_low", "difference_ci_high", "high_median_change", "low_median_change",
    "is_reportable",
]  # fmt: skip

LOYALTY = {
    ("high", "high"): "true",
    ("high", "low"): "latent",
    ("low", "high"): "spurious",
    ("low", "low"): "none",
    ("unknown", "high"): "unknown_attitude",
    ("unknown", "low"): "unknown_attitude",
}
"""By attitude and behaviour."""
DAYS_AFTER = 90


def loyalty_matrix(
    customers: list[Customer],
    lines: Ledger,
    said: list[Said],
    tiers: pd.DataFrame,
    wallets: pd.DataFrame,
    as_of_date: date,
) -> pd.DataFrame:
    """A row per customer with a purchase day in the last 12 months."""
    start = months_before(as_of_date, 12) + timedelta(days=1)
    held, shares = tiers_by_month(tiers), shares_of_wallet(wallets)
    latest = {s.customer_id: s for s in said if s.is_answer and s.day >= start}
    recent = {c.customer_id: sum(day >= start for day in c.days) for c in customers}
    recent = {who: days for who, days in recent.items() if days}
    median = quantile(recent.values(), 0.5) if recent else Fraction(0)
    rows = []
    for who, days in recent.items():
        answer, share = latest.get(who), shares.get((who, month_of(as_of_date)))
        # Middle counts as low: liking is asked for.
        attitude = "unknown" if answer is None else "high" if answer.attitude == "high" else "low"
        is_high = days >= median or (share is not None and share >= 0.5)
        behaviour = "high" if is_high else "low"
        year = between(lines[who], start, as_of_date)
        rows.append(
            {
                "customer_id": who,
                "attitude_score": None if answer is None else answer.score,
                "attitude_kind": None if answer is None else answer.kind,
                "attitude_at": None if answer is None else answer.at,
                "attitude": attitude,
                "purchase_days_12m": days,
                "median_purchase_days_12m": float(median),
                "share_of_wallet": share,
                "behaviour": behaviour,
                "loyalty": LOYALTY[attitude, behaviour],
                "tier": held.get((who, month_of(as_of_date)), "none"),
                "revenue_12m": net_of(year),
                "profit_12m": profit_of(year),
            }
        )
    return pd.DataFrame(rows, columns=MATRIX).astype(object)


def shares_of_wallet(wallets: pd.DataFrame) -> dict[tuple[str, int], float | None]:
    """Share of wallet of category `all` by customer and month."""
    return {
        (row["customer_id"], month_of(row["month"])): None
        if is_null(row["share_of_wallet"])
        else row["share_of_wallet"]
        for row in wallets.to_dict("records")
        if row["category"] == "all"
    }


def loyalty_matrix_summary(matrix: pd.DataFrame) -> pd.DataFrame:
    """Tier x attitude_kind x loyalty that exist; kind `all` holds everyone, kind `unknown` who gave no answer."""
    groups: dict[tuple[str, str, str], list[dict]] = defaultdict(list)
    of_tier: dict[str, int] = defaultdict(int)
    for row in matrix.to_dict("records"):
        of_tier[row["tier"]] += 1
        for kind in ("all", "unknown" if is_null(row["attitude_kind"]) else row["attitude_kind"]):
            groups[row["tier"], kind, row["loyalty"]].append(row)
    rows = []
    for (tier, kind, loyalty), own in sorted(groups.items()):
        money = (sum(row["revenue_12m"] for row in own), sum(row["profit_12m"] for row in own))
        rows.append((tier, kind, loyalty, len(own), len(own) / of_tier[tier], *map(float, money)))
    return pd.DataFrame(rows, columns=MATRIX_SUMMARY)


def loyalty_drivers_monthly(
    said: list[Said], customers: list[Customer], settings: Settings, as_of_date: date
) -> pd.DataFrame:
    """Month x driver from the driver's first answer on."""
    days_of = {customer.customer_id: customer.days for customer in customers}
    answers: dict[str, list[Said]] = defaultdict(list)
    for s in said:
        if s.is_answer and s.driver is not None:
            answers[s.driver].append(s)
    rows = []
    for driver, own in sorted(answers.items()):
        for month in range(own[0].month, month_of(as_of_date) + 1):
            scores = [s.score_100 for s in own if s.month == month]
            latest = {
                s.customer_id: s
                for s in own
                if s.customer_id is not None
                and month - 12 < s.month <= month
                and s.day + timedelta(days=DAYS_AFTER) <= as_of_date
            }
            rows.append(
                {
                    "month": first_day(month),
                    "driver": driver,
                    "is_complete_month": is_complete(month, as_of_date),
                    "answers": len(scores),
                    "mean_score": sum(scores) / len(scores) if scores else None,
                    "score_standard_error": stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else None,
                    **_raters(list(latest.values()), days_of, settings),
                }
            )
    return pd.DataFrame(rows, columns=DRIVERS).astype(object)


def _raters(latest: list[Said], days_of: dict[str, list[date]], settings: Settings) -> dict[str, object]:
    """Retention and change of high and low raters; middle raters count in neither."""
    row: dict[str, object] = {}
    counts: dict[str, tuple[int, int]] = {}
    for side in ("high", "low"):
        came, changes = 0, []
        raters = [s for s in latest if s.attitude == side]
        for s in raters:
            offsets = [(day - s.day).days for day in days_of.get(s.customer_id or "", [])]
            after = sum(1 <= offset <= DAYS_AFTER for offset in offsets)
            before = sum(-DAYS_AFTER <= offset <= -1 for offset in offsets)
            came += after > 0
            changes.append(after - before)
        row[f"{side}_raters"], row[f"{side}_retained"] = len(raters), came
        row[f"{side}_retention_rate"] = rate(came, len(raters), settings.min_group_answers)
        row[f"{side}_median_change"] = at_quantile(changes, 0.5)
        counts[side] = came, len(raters)
    high, low = row["high_retention_rate"], row["low_retention_rate"]
    row["is_reportable"] = isinstance(high, float) and isinstance(low, float)
    if isinstance(high, float) and isinstance(low, float):
        row["retention_difference"] = high - low
        row["difference_ci_low"], row["difference_ci_high"] = newcombe(*counts["high"], *counts["low"])
    return row
