"""Loyalty scenarios: retention and profit by tier of the last months, and what more retention would be worth."""

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
    Settings,
    Transactions,
    buyers,
    first_day,
    is_complete,
    month_of,
)
from .retention import gap_curve, thresholds, turns
from .survival import Z

LOOKED_BACK = 12
"""Complete months that retention and profit are taken from."""
ENOUGH = 30
"""Customer-months at risk below which a tier has no figures."""
ENOUGH_LAPSES = 5
"""Lapses below which a tier has rates, but no lifetimes."""
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
                row |= _rates(figures)
                if lapses >= ENOUGH_LAPSES:
                    row |= _scenario(figures, points / 100, settings.discount_rate, base["customers"])
                else:
                    row["reason"] = f"fewer than {ENOUGH_LAPSES} lapses"
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


def _rates(figures: Figures) -> dict:
    return {
        "monthly_retention_rate": figures.retention,
        "retention_rate": figures.retention**12,
        "retention_rate_ci_low": figures.interval[0] ** 12,
        "retention_rate_ci_high": figures.interval[1] ** 12,
        "profit_per_customer": 12 * figures.profit,
        "profit_per_customer_standard_error": 12 * figures.covariance[1, 1] ** 0.5,
    }


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
    gradient = np.array(
        [slope(lambda p: gain(p, profit), monthly), slope(lambda m: gain(monthly, m), profit)]
    )
    error = cmath.sqrt(gradient @ figures.covariance @ gradient).real
    rate_error = abs(slope(rate, monthly)) * figures.covariance[0, 0] ** 0.5
    yearly, uplift = monthly**12, gain(monthly, profit).real
    return {
        "scenario_retention_rate": raised(complex(yearly)).real,
        "lifetime_profit_per_customer": 12 * profit * years(yearly).real,
        "scenario_lifetime_profit_per_customer": 12 * profit * years(raised(complex(yearly))).real,
        "profit_uplift": customers * uplift,
        "profit_uplift_ci_low": customers * (uplift - Z * error),
        "profit_uplift_ci_high": customers * (uplift + Z * error),
        "uplift_rate": rate(monthly).real,
        "uplift_rate_ci_low": rate(monthly).real - Z * rate_error,
        "uplift_rate_ci_high": rate(monthly).real + Z * rate_error,
    }
