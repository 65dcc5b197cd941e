"""Retention as metrics.md defines it: cohorts, customers, flows, revenue, the gap curve that sets the bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pandas as pd

from .history import (
    Customer,
    Settings,
    Transactions,
    buyers,
    first_day,
    histories,
    is_complete,
    month_of,
    quantile,
    window_sum,
)
from .survival import Curve, kaplan_meier

COHORTS = [
    "cohort_month", "months_since_first", "is_complete_month", "cohort_size", "retained_customers",
    "retention_rate", "revenue", "cumulative_revenue_per_customer",
]  # fmt: skip
CUSTOMER = [
    "customer_id", "recency_days", "purchase_days", "median_gap_days", "at_risk_after_days",
    "lapsed_after_days", "status",
]  # fmt: skip
FLOWS = ["month", "is_complete_month", "opening", "new", "reactivated", "lapsed", "closing", "retention_rate"]
REVENUE = ["month", "is_complete_month", "customer_count", "grr", "nrr"]

OWN_GAPS = 5
"""Gaps from which on a customer's own rhythm decides."""
REACTIVATED_DAYS = 89
"""How many days ago a lapsed gap may have ended for the customer to count as reactivated."""


@dataclass(frozen=True)
class Thresholds:
    """Days of silence after which a customer is at risk, and has lapsed."""

    at_risk: Fraction
    lapsed: Fraction

    def lapse_date(self, last_purchase: date) -> date:
        return last_purchase + timedelta(days=math.floor(self.lapsed) + 1)


def gap_durations(customers: list[Customer], as_of_date: date) -> tuple[list[int], list[int]]:
    """All gaps are events, each customer's open last gap is cut off."""
    return (
        [gap for customer in customers for gap in customer.gaps],
        [(as_of_date - customer.days[-1]).days for customer in customers],
    )


def gap_curve(customers: list[Customer], as_of_date: date) -> Curve:
    """Survival of gaps."""
    return kaplan_meier(*gap_durations(customers, as_of_date))


def thresholds(customer: Customer, curve: Curve, settings: Settings) -> Thresholds:
    default = Fraction(settings.default_lapsed_days)
    base_at_risk, base_lapsed = curve.day_at(0.2), curve.day_at(0.05)
    if len(customer.gaps) >= OWN_GAPS:
        at_risk = quantile(customer.gaps, 0.9)
    else:
        at_risk = default / 2 if base_at_risk is None else Fraction(base_at_risk)
    return Thresholds(at_risk, max(2 * at_risk, default if base_lapsed is None else Fraction(base_lapsed)))


def _status(customer: Customer, limit: Thresholds, as_of_date: date) -> str:
    recency = (as_of_date - customer.days[-1]).days
    if recency > limit.lapsed:
        return "lapsed"
    if recency > limit.at_risk:
        return "at_risk"
    ends = zip(customer.gaps, customer.days[1:], strict=True)
    if any(gap > limit.lapsed and (as_of_date - end).days <= REACTIVATED_DAYS for gap, end in ends):
        return "reactivated"
    return "new" if len(customer.days) == 1 else "active"


def customer_retention(transactions: Transactions, settings: Settings, as_of_date: date) -> pd.DataFrame:
    """One row per customer with a purchase day, as of the run; without the BG/NBD columns."""
    customers = buyers(transactions, as_of_date)
    curve = gap_curve(customers, as_of_date)
    rows = []
    for customer in customers:
        limit = thresholds(customer, curve, settings)
        rows.append(
            {
                "customer_id": customer.customer_id,
                "recency_days": (as_of_date - customer.days[-1]).days,
                "purchase_days": len(customer.days),
                "median_gap_days": float(quantile(customer.gaps, 0.5)) if customer.gaps else None,
                "at_risk_after_days": float(limit.at_risk),
                "lapsed_after_days": float(limit.lapsed),
                "status": _status(customer, limit, as_of_date),
            }
        )
    return pd.DataFrame(rows, columns=CUSTOMER)


def retention_cohorts_monthly(transactions: Transactions, as_of_date: date) -> pd.DataFrame:
    """Cohort month x months since first purchase, every cell up to the as-of month."""
    cohorts: dict[int, list[Customer]] = {}
    for customer in buyers(transactions, as_of_date):
        cohorts.setdefault(customer.first_month, []).append(customer)
    rows = []
    for cohort, members in sorted(cohorts.items()):
        cumulative = Fraction(0)
        for month in range(cohort, month_of(as_of_date) + 1):
            retained = sum(any(month_of(day) == month for day in member.days) for member in members)
            revenue = sum((member.net.get(month, Fraction(0)) for member in members), Fraction(0))
            cumulative += revenue
            rows.append(
                {
                    "cohort_month": first_day(cohort),
                    "months_since_first": month - cohort,
                    "is_complete_month": is_complete(month, as_of_date),
                    "cohort_size": len(members),
                    "retained_customers": retained,
                    "retention_rate": retained / len(members),
                    "revenue": float(revenue),
                    "cumulative_revenue_per_customer": float(cumulative / len(members)),
                }
            )
    return pd.DataFrame(rows, columns=COHORTS)


def turns(customer: Customer, limit: Thresholds, as_of_date: date) -> tuple[list[date], list[date]]:
    """The days on which a customer lapsed and on which they came back."""
    lapses, returns = [], []
    for place, day in enumerate(customer.days):
        lapse = limit.lapse_date(day)
        following = customer.days[place + 1] if place + 1 < len(customer.days) else None
        if following is not None and following < lapse:
            continue
        if lapse <= as_of_date:
            lapses.append(lapse)
        if following is not None:
            returns.append(following)
    return lapses, returns


def retention_flows_monthly(transactions: Transactions, settings: Settings, as_of_date: date) -> pd.DataFrame:
    """Month: how many customers the month opened with, won, won back, lost and closed with."""
    customers = buyers(transactions, as_of_date)
    if not customers:
        return pd.DataFrame(columns=FLOWS)
    curve = gap_curve(customers, as_of_date)
    moves = [turns(customer, thresholds(customer, curve, settings), as_of_date) for customer in customers]
    firsts = [customer.first_month for customer in customers]
    lapses = [month_of(day) for lapsed, _ in moves for day in lapsed]
    returns = [month_of(day) for _, returned in moves for day in returned]
    rows, opening = [], 0
    for month in range(min(firsts), month_of(as_of_date) + 1):
        new, reactivated, lapsed = firsts.count(month), returns.count(month), lapses.count(month)
        closing = opening + new + reactivated - lapsed
        rate = 1 - lapsed / opening if opening else None
        complete = is_complete(month, as_of_date)
        rows.append((first_day(month), complete, opening, new, reactivated, lapsed, closing, rate))
        opening = closing
    return pd.DataFrame(rows, columns=FLOWS)


def revenue_retention_monthly(
    transactions: Transactions, settings: Settings, as_of_date: date
) -> pd.DataFrame:
    """Month whose two windows both lie within the data: gross and net revenue retention."""
    window = settings.revenue_retention_window_months
    customers = histories(transactions, as_of_date)
    months = [month for customer in customers for month in customer.net]
    if not months:
        return pd.DataFrame(columns=REVENUE)
    rows = []
    for month in range(min(months) + 2 * window - 1, month_of(as_of_date) + 1):
        pairs = [
            (
                max(window_sum(customer.net, month, window), Fraction(0)),
                max(window_sum(customer.net, month - window, window), Fraction(0)),
            )
            for customer in customers
        ]
        based = [(now, before) for now, before in pairs if before > 0]
        base = sum((before for _, before in based), Fraction(0))
        gross = float(sum(min(pair) for pair in based) / base) if base else None
        net = float(sum(now for now, _ in based) / base) if base else None
        rows.append((first_day(month), is_complete(month, as_of_date), len(based), gross, net))
    return pd.DataFrame(rows, columns=REVENUE)
