"""Customer value and loyalty scenarios, from the definitions of metrics.md and decision 13."""

from __future__ import annotations

import cmath
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from .history import (
    Customer,
    Settings,
    Transactions,
    buyers,
    first_day,
    is_complete,
    is_null,
    month_of,
    window_sum,
)
from .retention import gap_curve, thresholds, turns
from .survival import Z

LOOKED_BACK = 12
"""Complete months that retention and profit are taken from."""
ENOUGH = 30
"""Customer-months at risk below which a tier has no figures."""
USUAL_POINTS = (1, 5, 10)

SCENARIOS = [
    "tier", "retention_points", "customers", "customer_months", "lapses", "monthly_retention_rate", "retention_rate",
    "retention_rate_ci_low", "retention_rate_ci_high", "scenario_retention_rate", "profit_per_customer",
    "profit_per_customer_standard_error", "lifetime_profit_per_customer", "scenario_lifetime_profit_per_customer",
    "profit_uplift", "profit_uplift_ci_low", "profit_uplift_ci_high", "uplift_rate", "uplift_rate_ci_low",
    "uplift_rate_ci_high", "reason",
]  # fmt: skip


@dataclass
class Exposure:
    """A customer's months at risk in a tier: how many, how many ended in a lapse, the profit in them."""

    months: int = 0
    lapses: int = 0
    profit: Fraction = Fraction(0)
    is_there_now: bool = False


def exposures(
    transactions: Transactions, tiers: pd.DataFrame, settings: Settings, as_of_date: date
) -> dict[str, dict[str, Exposure]]:
    """By tier (and `all`) and customer; walks through each customer's months."""
    found: dict[str, dict[str, Exposure]] = defaultdict(lambda: defaultdict(Exposure))
    customers = buyers(transactions, as_of_date)
    if not customers:
        return found
    last = month_of(as_of_date) - (0 if is_complete(month_of(as_of_date), as_of_date) else 1)
    held = {(row["customer_id"], month_of(row["month"])): row["tier"] for row in tiers.to_dict("records")}
    curve = gap_curve(customers, as_of_date)
    for customer in customers:
        lapses, returns = turns(customer, thresholds(customer, curve, settings), as_of_date)
        for month in range(max(last - LOOKED_BACK, customer.first_month) + 1, last + 2):
            start = first_day(month)
            if sum(day < start for day in lapses) > sum(day < start for day in returns):
                continue
            tier = held.get((customer.customer_id, month - 1), "lapsed")
            for group in {"all", tier} - {"lapsed"}:
                exposure = found[group][customer.customer_id]
                if month > last:
                    exposure.is_there_now = True
                    continue
                exposure.months += 1
                exposure.lapses += any(month_of(day) == month for day in lapses)
                exposure.profit += customer.profit.get(month, Fraction(0))
    return found


def wilson(rate: float, count: int) -> tuple[float, float]:
    """The rates whose distance to the one observed is Z of their own standard errors: roots of a quadratic."""
    roots = np.roots([1 + Z**2 / count, -(2 * rate + Z**2 / count), rate**2])
    low, high = sorted(float(root.real) for root in roots)
    return max(low, 0.0), min(high, 1.0)


def slope(function: Callable[[complex], complex], at: float) -> float:
    """A derivative by a step in the imaginary direction, which is exact to the last digits."""
    step = 1e-30
    return function(complex(at, step)).imag / step


def loyalty_scenarios(
    transactions: Transactions, tiers: pd.DataFrame, settings: Settings, as_of_date: date
) -> pd.DataFrame:
    """Tier x points: what the customers of today would be worth more if retention were so many points higher."""
    rows: list[dict] = []
    for tier, members in exposures(transactions, tiers, settings, as_of_date).items():
        seen = [e for e in members.values() if e.months]
        months, lapses = sum(e.months for e in seen), sum(e.lapses for e in seen)
        base = {
            "tier": tier, "customers": sum(e.is_there_now for e in members.values()), "customer_months": months,
            "lapses": lapses, "reason": None,
        }  # fmt: skip
        figures = _figures(seen, months, lapses) if months >= ENOUGH else None
        for points in sorted({*USUAL_POINTS, settings.scenario_retention_points}):
            row = dict.fromkeys(SCENARIOS) | base | {"retention_points": points}
            if figures is None:
                row["reason"] = f"fewer than {ENOUGH} customer-months at risk"
            else:
                row |= _scenario(figures, points / 100, settings.discount_rate, base["customers"])
            rows.append(row)
    return pd.DataFrame(rows, columns=SCENARIOS).astype(object)


@dataclass(frozen=True)
class Figures:
    """Monthly retention and profit with the covariance of the two."""

    retention: float
    profit: float
    covariance: np.ndarray
    interval: tuple[float, float]


def _figures(seen: list[Exposure], months: int, lapses: int) -> Figures:
    """Ratios of sums over customers, each of whom is one draw."""
    retention = 1 - lapses / months
    profit = float(sum((e.profit for e in seen), Fraction(0)) / months)
    residuals = np.array(
        [(e.months - e.lapses - retention * e.months, float(e.profit) - profit * e.months) for e in seen]
    )
    covariance = residuals.T @ residuals * len(seen) / (len(seen) - 1) / months**2
    return Figures(retention, profit, covariance, wilson(retention, months))


def _scenario(figures: Figures, more: float, discount: float, customers: int) -> dict:
    def years(retention: complex) -> complex:
        return (1 + discount) / (1 + discount - retention)

    def raised(retention: complex) -> complex:
        return retention + more if retention.real + more < 1 else complex(1)

    def gain(monthly: complex, profit: complex) -> complex:
        return 12 * profit * (years(raised(monthly**12)) - years(monthly**12))

    def rate(monthly: complex) -> complex:
        return years(raised(monthly**12)) / years(monthly**12) - 1

    monthly, profit = figures.retention, figures.profit
    gradient = np.array([slope(lambda p: gain(p, profit), monthly), slope(lambda m: gain(monthly, m), profit)])
    error = cmath.sqrt(gradient @ figures.covariance @ gradient).real
    rate_error = abs(slope(rate, monthly)) * figures.covariance[0, 0] ** 0.5
    yearly, uplift = monthly**12, gain(monthly, profit).real
    return {
        "monthly_retention_rate": monthly,
        "retention_rate": yearly,
        "retention_rate_ci_low": figures.interval[0] ** 12,
        "retention_rate_ci_high": figures.interval[1] ** 12,
        "scenario_retention_rate": raised(complex(yearly)).real,
        "profit_per_customer": 12 * profit,
        "profit_per_customer_standard_error": 12 * figures.covariance[1, 1] ** 0.5,
        "lifetime_profit_per_customer": 12 * profit * years(yearly).real,
        "scenario_lifetime_profit_per_customer": 12 * profit * years(raised(complex(yearly))).real,
        "profit_uplift": customers * uplift,
        "profit_uplift_ci_low": customers * (uplift - Z * error),
        "profit_uplift_ci_high": customers * (uplift + Z * error),
        "uplift_rate": rate(monthly).real,
        "uplift_rate_ci_low": rate(monthly).real - Z * rate_error,
        "uplift_rate_ci_high": rate(monthly).real + Z * rate_error,
    }


VALUE = [
    "customer_id", "tier", "net_revenue_to_date", "profit_to_date", "yearly_run_rate", "yearly_profit_run_rate",
    "margin_rate", "margin_basis", "expected_revenue_12m", "expected_profit_12m", "retention_rate", "retention_basis",
    "expected_lifetime_revenue", "expected_lifetime_profit", "referred_customers", "referred_buyers",
    "referred_revenue_to_date", "referred_profit_to_date", "referred_expected_lifetime_profit",
]  # fmt: skip


def customer_value(
    transactions: Transactions,
    tiers: pd.DataFrame,
    scenarios: pd.DataFrame,
    referrers: dict[str, str],
    expected_revenues: dict[str, float | None],
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """One row per customer with a purchase day.

    Args:
        transactions: lines or histories.
        tiers: the frame of customer_tiers_monthly.
        scenarios: the frame of loyalty_scenarios.
        referrers: who referred a customer, with a purchase day or not; nobody refers themselves.
        expected_revenues: expected purchase days times expected spend of the next 12 months, by customer.
        settings: the discount rate and the tier window.
        as_of_date: the run's date.
    """
    customers = buyers(transactions, as_of_date)
    held = {(row["customer_id"], month_of(row["month"])): row for row in tiers.to_dict("records")}
    yearly = {row["tier"]: row["retention_rate"] for row in scenarios.to_dict("records")}
    net = {c.customer_id: sum(c.net.values(), Fraction(0)) for c in customers}
    profit = {c.customer_id: sum(c.profit.values(), Fraction(0)) for c in customers}
    everyone = float(sum(profit.values()) / sum(net.values())) if sum(net.values()) > 0 else None
    rows = {}
    for customer in customers:
        who = customer.customer_id
        tier, pace, profit_pace = _pace(customer, held, settings, as_of_date)
        own = float(profit[who] / net[who]) if net[who] > 0 else None
        is_own = own is not None and abs(own) <= 1
        margin = own if is_own else everyone
        kept = yearly.get(tier)
        is_of_tier = not is_null(kept)
        kept = kept if is_of_tier else yearly.get("all")
        revenue = expected_revenues[who]
        gained = None if is_null(revenue) or margin is None else revenue * margin
        d = settings.discount_rate
        years = None if is_null(kept) else (1 + d) / (1 + d - kept)
        rows[who] = {
            "customer_id": who,
            "tier": tier,
            "net_revenue_to_date": float(net[who]),
            "profit_to_date": float(profit[who]),
            "yearly_run_rate": float(pace),
            "yearly_profit_run_rate": float(profit_pace),
            "margin_rate": margin,
            "margin_basis": "own" if is_own else None if everyone is None else "all",
            "expected_revenue_12m": revenue,
            "expected_profit_12m": gained,
            "retention_rate": None if is_null(kept) else kept,
            "retention_basis": "tier" if is_of_tier else None if is_null(kept) else "all",
            "expected_lifetime_revenue": None if is_null(revenue) or years is None else revenue * years,
            "expected_lifetime_profit": None if gained is None or years is None else gained * years,
        }
    for who, row in rows.items():
        theirs = [customer for customer, referrer in referrers.items() if referrer == who]
        bought = [rows[customer] for customer in theirs if customer in rows]
        lifetimes = [r["expected_lifetime_profit"] for r in bought]
        row["referred_customers"], row["referred_buyers"] = len(theirs), len(bought)
        row["referred_revenue_to_date"] = sum(r["net_revenue_to_date"] for r in bought)
        row["referred_profit_to_date"] = sum(r["profit_to_date"] for r in bought)
        row["referred_expected_lifetime_profit"] = None if None in lifetimes else float(sum(lifetimes))
    return pd.DataFrame(list(rows.values()), columns=VALUE).astype(object)


def _pace(
    customer: Customer, held: dict[tuple[str, int], dict], settings: Settings, as_of_date: date
) -> tuple[str, Fraction, Fraction]:
    """Tier, net spend and profit a year: of the last complete month, else of the running one, else none."""
    running = month_of(as_of_date)
    last = running - (0 if is_complete(running, as_of_date) else 1)
    for month in (last, running):
        row = held.get((customer.customer_id, month))
        if row is not None and row["tier"] != "lapsed":
            window, observed = settings.tier_window_months, int(row["months_observed"])
            return (
                row["tier"],
                window_sum(customer.net, month, window) * 12 / observed,
                window_sum(customer.profit, month, window) * 12 / observed,
            )
    return "lapsed", Fraction(0), Fraction(0)
