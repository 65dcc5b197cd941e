"""The marts, calculated a second time: in plain Python and pandas, from the definitions and not from the SQL.

Written to be read, not to be fast: a loop per customer and month, exact fractions, no shared code with the
pipeline. A mart that disagrees with it shows a mistake in one of the two. Use it on a sample of customers.
"""

from __future__ import annotations

from datetime import date

import pandas as pd

from .comparing import compare
from .history import Settings, histories, with_profit
from .lifetimes import durations, survival_curves
from .retention import (
    customer_retention,
    retention_cohorts_monthly,
    retention_flows_monthly,
    revenue_retention_monthly,
)
from .scenarios import loyalty_scenarios
from .tiers import (
    anonymous_windows,
    customer_concentration_monthly,
    customer_tiers_monthly,
    tier_contribution_monthly,
    tier_migration_monthly,
)
from .value import customer_value
from .wallet import share_of_wallet_monthly, share_of_wallet_summary_monthly

__all__ = [
    "KEYS",
    "Settings",
    "calculate",
    "compare",
    "customer_concentration_monthly",
    "customer_retention",
    "customer_tiers_monthly",
    "customer_value",
    "histories",
    "loyalty_scenarios",
    "retention_cohorts_monthly",
    "retention_flows_monthly",
    "revenue_retention_monthly",
    "share_of_wallet_monthly",
    "share_of_wallet_summary_monthly",
    "survival_curves",
    "tier_contribution_monthly",
    "tier_migration_monthly",
    "with_profit",
]

KEYS = {
    "customer_tiers_monthly": ["customer_id", "month"],
    "tier_contribution_monthly": ["month", "tier"],
    "tier_migration_monthly": ["month", "from_tier", "to_tier"],
    "customer_concentration_monthly": ["month"],
    "share_of_wallet_monthly": ["customer_id", "category", "month"],
    "share_of_wallet_summary_monthly": ["month", "category", "tier"],
    "retention_cohorts_monthly": ["cohort_month", "months_since_first"],
    "customer_retention": ["customer_id"],
    "retention_flows_monthly": ["month"],
    "revenue_retention_monthly": ["month"],
    "survival_curves": ["curve", "group_name", "day"],
    "loyalty_scenarios": ["tier", "retention_points"],
    "customer_value": ["customer_id"],
}
"""The grain of each mart."""


def calculate(
    transactions: pd.DataFrame,
    surveys: pd.DataFrame,
    customers: pd.DataFrame,
    policy: pd.DataFrame,
    settings: Settings,
    as_of_date: date,
) -> dict[str, pd.DataFrame]:
    """All marts by name but `customer_value`, which takes what the fitted models expect.

    Args:
        transactions: a row per line: customer_id, business_date, net_amount, category, and profit as
            `with_profit` adds it.
        surveys: a row per survey, category and brand: survey_id, category, brand, customer_id, business_date,
            is_own_brand, preference_rank, declared_wallet; may be empty.
        customers: customer_id and the attributes that `settings.peer_attribute_levels` names; may be empty.
        policy: valid_from, tier, tier_rank (1 is best), lower_bound.
        settings: the windows and bounds.
        as_of_date: rows after it are left out.
    """
    past = histories(transactions, as_of_date)
    tiers = customer_tiers_monthly(past, policy, settings, as_of_date)
    wallets = share_of_wallet_monthly(past, surveys, customers, tiers, settings, as_of_date)
    return {
        "customer_tiers_monthly": tiers,
        "tier_contribution_monthly": tier_contribution_monthly(
            tiers, anonymous_windows(transactions, settings, as_of_date)
        ),
        "tier_migration_monthly": tier_migration_monthly(tiers),
        "customer_concentration_monthly": customer_concentration_monthly(tiers),
        "share_of_wallet_monthly": wallets,
        "share_of_wallet_summary_monthly": share_of_wallet_summary_monthly(wallets, tiers),
        "retention_cohorts_monthly": retention_cohorts_monthly(past, as_of_date),
        "customer_retention": customer_retention(past, settings, as_of_date),
        "retention_flows_monthly": retention_flows_monthly(past, settings, as_of_date),
        "revenue_retention_monthly": revenue_retention_monthly(past, settings, as_of_date),
        "survival_curves": survival_curves(durations(past, tiers, settings, as_of_date)),
        "loyalty_scenarios": loyalty_scenarios(past, tiers, settings, as_of_date),
    }
