"""Tiers as metrics.md defines them: assessments, contribution, migration, concentration."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from fractions import Fraction

import pandas as pd

from .history import (
    Customer,
    Settings,
    Transactions,
    buyers,
    dates_of,
    exact,
    first_day,
    is_complete,
    is_null,
    last_day,
    month_of,
    window_sum,
)

TIERS = [
    "customer_id", "month", "is_complete_month", "months_observed", "avg_monthly_spend", "earned_tier",
    "tier", "previous_tier", "movement", "window_revenue", "window_profit",
]  # fmt: skip
CONTRIBUTION = [
    "month", "tier", "is_complete_month", "customer_count", "customer_share", "revenue", "revenue_share",
    "revenue_share_of_all", "profit", "profit_share", "profit_share_of_all", "avg_monthly_spend",
]  # fmt: skip
MIGRATION = ["month", "from_tier", "to_tier", "is_complete_month", "customer_count", "transition_rate"]
CONCENTRATION = [
    "month", "is_complete_month", "customer_count", "top_20_revenue_share", "top_20_profit_share",
    "gini_revenue", "top_10_to_bottom_10_profit_ratio",
]  # fmt: skip

Window = tuple[Fraction, Fraction, bool]
"""Net amount and profit of a month's window, and whether the month is complete."""

Levels = list[tuple[str, Fraction]]
"""The tiers of one policy, best first: code and inclusive lower bound."""


class Policy:
    """The tier policies by their first day."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.by_start: dict[date, Levels] = {}
        rows = frame.assign(valid_from=dates_of(frame["valid_from"])).sort_values(["valid_from", "tier_rank"])
        for row in rows.to_dict("records"):
            level = (row["tier"], Fraction(exact(row["lower_bound"])))
            self.by_start.setdefault(row["valid_from"], []).append(level)

    def in_force(self, month: int) -> Levels:
        started = [start for start in self.by_start if start <= last_day(month)]
        return self.by_start[max(started) if started else min(self.by_start)]


def earned(average: Fraction, levels: Levels) -> str:
    """The best tier whose bound the average reaches; the lowest where it reaches none (negative spend)."""
    return next((tier for tier, bound in levels if average >= bound), levels[-1][0])


def settled(held: str | None, spell: list[str], levels: Levels, settings: Settings) -> str:
    """The tier after an assessment, from the tier held and the tiers earned in this spell, newest last."""
    rank = {tier: number for number, (tier, _) in enumerate(levels)}
    won = spell[-1]
    # A spell begins after `new`, `lapsed` or nothing, none of which is a tier of the policy to hold.
    if held is None or held not in rank or rank[won] <= rank[held]:
        return won
    recent = spell[-(settings.grace_months + 1) :]
    is_long_enough = len(recent) == settings.grace_months + 1
    if not is_long_enough or any(rank.get(tier, -1) <= rank[held] for tier in recent):
        return held
    return levels[rank[held] + 1][0] if settings.soft_landing else won


def movement(previous: str | None, tier: str, levels: Levels) -> str:
    if previous is None:
        return "new"
    if tier == "lapsed":
        return "lapsed"
    if previous == "lapsed":
        return "returned"
    if previous == tier:
        return "unchanged"
    if previous == "new":
        return "graduated"
    order = [code for code, _ in levels]
    return "upgraded" if order.index(tier) < order.index(previous) else "downgraded"


def customer_tiers_monthly(
    transactions: Transactions, policy: pd.DataFrame, settings: Settings, as_of_date: date
) -> pd.DataFrame:
    """Customer x month; `window_revenue` and `window_profit` are the window's exact sums."""
    policies, rows = Policy(policy), []
    for customer in buyers(transactions, as_of_date):
        rows += _assessments(customer, policies, settings, as_of_date)
    return pd.DataFrame(rows, columns=TIERS)


def _assessments(customer: Customer, policies: Policy, settings: Settings, as_of_date: date) -> list[dict]:
    window = settings.tier_window_months
    bought = {month_of(day) for day in customer.days}
    previous: str | None = None
    spell: list[str] = []
    rows = []
    for month in range(customer.first_month, month_of(as_of_date) + 1):
        is_active = any(month - window < m <= month for m in bought)
        if not is_active and previous == "lapsed":
            continue
        age = month - customer.first_month + 1
        revenue = window_sum(customer.net, month, window)
        average = revenue / min(window, age)
        levels = policies.in_force(month)
        if not is_active:
            tier = earned_tier = "lapsed"
            spell = []
        elif age <= settings.new_customer_months:
            tier = earned_tier = "new"
            spell = []
        else:
            earned_tier = earned(average, levels)
            spell.append(earned_tier)
            tier = settled(previous, spell, levels, settings)
        rows.append(
            {
                "customer_id": customer.customer_id,
                "month": first_day(month),
                "is_complete_month": is_complete(month, as_of_date),
                "months_observed": min(window, age),
                "avg_monthly_spend": float(average),
                "earned_tier": earned_tier,
                "tier": tier,
                "previous_tier": previous,
                "movement": movement(previous, tier, levels),
                "window_revenue": revenue,
                "window_profit": window_sum(customer.profit, month, window),
            }
        )
        previous = tier
    return rows


def _by_month(tiers: pd.DataFrame, with_lapsed: bool) -> dict[date, list[dict]]:
    months: dict[date, list[dict]] = defaultdict(list)
    for row in tiers.to_dict("records"):
        if with_lapsed or row["tier"] != "lapsed":
            months[row["month"]].append(row)
    return dict(sorted(months.items()))


def _share(part: Fraction, whole: Fraction) -> float | None:
    return float(part / whole) if whole else None


def anonymous_windows(transactions: pd.DataFrame, settings: Settings, as_of_date: date) -> dict[date, Window]:
    """Net amount and profit of the lines without a customer, in the window of each month that has such a line."""
    net: dict[int, Fraction] = defaultdict(Fraction)
    profit: dict[int, Fraction] = defaultdict(Fraction)
    days = dates_of(transactions["business_date"])
    for day, row in zip(days, transactions.to_dict("records"), strict=True):
        if is_null(row["customer_id"]) and day <= as_of_date:
            net[month_of(day)] += Fraction(exact(row["net_amount"], is_cents=True))
            profit[month_of(day)] += Fraction(exact(row["profit"]))
    window = settings.tier_window_months
    months = {m + n for m in net for n in range(window) if m + n <= month_of(as_of_date)}
    return {
        first_day(m): (window_sum(net, m, window), window_sum(profit, m, window), is_complete(m, as_of_date))
        for m in sorted(months)
    }


def tier_contribution_monthly(
    tiers: pd.DataFrame, anonymous: dict[date, Window] | None = None
) -> pd.DataFrame:
    """Month x tier with at least one customer, from the frame of customer_tiers_monthly, and the anonymous windows."""
    rows = []
    for month, members in _by_month(tiers, with_lapsed=False).items():
        revenue = sum(row["window_revenue"] for row in members)
        profit = sum(row["window_profit"] for row in members)
        for tier in sorted({row["tier"] for row in members}):
            own = [row for row in members if row["tier"] == tier]
            own_revenue = sum(row["window_revenue"] for row in own)
            own_profit = sum(row["window_profit"] for row in own)
            averages = [row["window_revenue"] / row["months_observed"] for row in own]
            rows.append(
                {
                    "month": month,
                    "tier": tier,
                    "is_complete_month": own[0]["is_complete_month"],
                    "customer_count": len(own),
                    "customer_share": len(own) / len(members),
                    "revenue": float(own_revenue),
                    "revenue_share": _share(own_revenue, revenue),
                    "profit": float(own_profit),
                    "profit_share": _share(own_profit, profit),
                    "avg_monthly_spend": float(sum(averages) / len(own)),
                }
            )
    for month, (revenue, profit, complete) in (anonymous or {}).items():
        rows.append(
            {
                "month": month,
                "tier": "anonymous",
                "is_complete_month": complete,
                "customer_count": 0,
                "customer_share": None,
                "revenue": float(revenue),
                "revenue_share": None,
                "profit": float(profit),
                "profit_share": None,
                "avg_monthly_spend": None,
            }
        )
    for row in rows:
        month_rows = [other for other in rows if other["month"] == row["month"]]
        for part in ("revenue", "profit"):
            whole = sum(other[part] for other in month_rows)
            row[f"{part}_share_of_all"] = row[part] / whole if whole > 0 else None
    return pd.DataFrame(rows, columns=CONTRIBUTION)


def tier_migration_monthly(tiers: pd.DataFrame) -> pd.DataFrame:
    """Month x from_tier x to_tier that happened, from the frame of customer_tiers_monthly."""
    rows = []
    for month, members in _by_month(tiers, with_lapsed=True).items():
        # pandas may hold the null of a first row as NaN.
        sources = ["none" if is_null(row["previous_tier"]) else row["previous_tier"] for row in members]
        moves = Counter(zip(sources, (row["tier"] for row in members), strict=True))
        starts = Counter(sources)
        for (source, target), count in sorted(moves.items()):
            complete = members[0]["is_complete_month"]
            rows.append((month, source, target, complete, count, count / starts[source]))
    return pd.DataFrame(rows, columns=MIGRATION)


def gini(values: list[Fraction]) -> float | None:
    """Gini coefficient; null where the values do not sum above zero."""
    total, n = sum(values), len(values)
    if total <= 0:
        return None
    weighted = sum(number * value for number, value in enumerate(sorted(values), start=1))
    return float(Fraction(2) * weighted / (n * total) - Fraction(n + 1, n))


def customer_concentration_monthly(tiers: pd.DataFrame) -> pd.DataFrame:
    """Month, from the frame of customer_tiers_monthly; a share of a total that is not above zero is null."""
    rows = []
    for month, members in _by_month(tiers, with_lapsed=False).items():
        revenues = sorted((row["window_revenue"] for row in members), reverse=True)
        profits = sorted((row["window_profit"] for row in members), reverse=True)
        n = len(members)
        fifth, tenth = -(-n // 5), -(-n // 10)
        top, bottom = sum(profits[:tenth]), sum(profits[-tenth:])
        rows.append(
            {
                "month": month,
                "is_complete_month": members[0]["is_complete_month"],
                "customer_count": n,
                "top_20_revenue_share": _share(sum(revenues[:fifth]), max(sum(revenues), Fraction(0))),
                "top_20_profit_share": _share(sum(profits[:fifth]), max(sum(profits), Fraction(0))),
                "gini_revenue": gini(revenues),
                "top_10_to_bottom_10_profit_ratio": float(top / bottom) if bottom > 0 else None,
            }
        )
    return pd.DataFrame(rows, columns=CONCENTRATION)
