"""Customer value: to date, at the present pace, expected, and by referral."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pandas as pd

from .history import Customer, Settings, Transactions, buyers, is_complete, is_null, month_of, window_sum

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
    yearly = {
        row["tier"]: row["retention_rate"] for row in scenarios.to_dict("records") if is_null(row["reason"])
    }
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
