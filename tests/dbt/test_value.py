"""Customer value end to end, with merged customers, referrals and expectations as a fit would leave them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pytest
from independent.calculation import (
    Settings,
    compare,
    customer_tiers_monthly,
    customer_value,
    histories,
    loyalty_scenarios,
)
from independent.samples import POLICY
from independent.scenarios import wilson
from independent.value import VALUE

AS_OF = date(2017, 5, 17)
START = date(2016, 1, 5)
CUSTOMERS = 60
CENTS = 5.1e-3
"""Money is published in cents."""
REFERRED = CUSTOMERS * CENTS
"""A sum of as many roundings as there are customers, at most."""


def random_lines(dice: random.Random) -> list[dict[str, Any]]:
    """Customers with a rhythm and a size of their own; most leave some day, some only ever return things."""
    lines = []
    for number in range(CUSTOMERS):
        day = START + timedelta(days=dice.randrange(300))
        pace, size = dice.choice([4, 9, 20]), dice.choice([4, 40, 120, 400])
        leaves = AS_OF if dice.random() < 0.4 else day + timedelta(days=dice.randrange(400))
        while day <= min(leaves, AS_OF):
            net = Decimal(dice.randrange(1, size)) * dice.choice([1, 1, 1, 1, -1])
            if number % 15 == 0:
                net = -abs(net)
            # Some are served at four times of what they pay: no margin to expect again.
            cost = abs(net) * 4 if number % 7 == 3 else dice.choice([None, net / 2, net * 2])
            lines.append(
                {"customer_id": f"c{number}", "business_date": day, "net_amount": net, "cost_amount": cost}
            )
            day += timedelta(days=1 + int(dice.expovariate(1 / pace)))
    return lines


def random_customers(dice: random.Random) -> list[dict[str, Any]]:
    """Referrals in every direction, circles too; a tenth is merged into another, maybe into who referred it."""
    rows = []
    for number in range(CUSTOMERS + 5):
        others = [f"c{(number + step) % (CUSTOMERS + 5)}" for step in range(1, 40)]
        merged = f"c{number - 1}" if number % 10 == 7 else None
        rows.append(
            {
                "customer_id": f"c{number}",
                "business_date": START.isoformat(),
                "referred_by_customer_id": dice.choice(
                    [None, "stranger", *dice.sample(others, 3), f"c{number + 1}"]
                ),
                "merged_into_customer_id": merged,
            }
        )
    for number, referrer in ((1, "c2"), (2, "c1"), (6, "c7")):
        rows[number]["referred_by_customer_id"] = referrer
    return rows


def expectations(dice: random.Random, path: Any) -> None:
    """What a fit would leave: expected purchase days for each distinct history, and how much is spent on one."""
    with duckdb.connect(str(path)) as connection:
        found = connection.execute(
            "select distinct repeat_purchase_days, span_days, age_days from intermediate.int_purchase_histories"
        ).fetchall()
        assert len(found) > CUSTOMERS / 2
        connection.executemany(
            "insert into fits.purchase_expectations values (?, ?, ?, 1, ?, 1, 1)",
            [(*history, dice.expovariate(0.1)) for history in found],
        )
        connection.execute(
            "insert into fits.model_fits (model, sample, is_published, p, q, v) "
            "values ('gamma_gamma', 'full', true, 6.25, 3.74, 15.44)"
        )


@pytest.fixture(scope="module", params=[3])
def built(request: pytest.FixtureRequest, make_warehouse: Callable[[str], Any]) -> tuple[Any, Any, Any]:
    """A random history with its data tests, its lines and its customers."""
    dice = random.Random(request.param)
    lines, customers = random_lines(dice), random_customers(dice)
    warehouse = make_warehouse("value")
    warehouse.insert("transactions", [line | {"net_amount": str(line["net_amount"])} for line in lines])
    warehouse.insert("customers", customers)
    warehouse.build("+int_purchase_histories", as_of_date=AS_OF.isoformat(), with_tests=False)
    expectations(dice, warehouse.path)
    warehouse.build(
        "+path:models/marts/value",
        "+survival_curves",
        "+retention_flows_monthly",
        as_of_date=AS_OF.isoformat(),
    )
    return warehouse, lines, customers


def test_value_scenarios_and_referrals_agree_with_the_independent_calculation(
    built: tuple[Any, Any, Any],
) -> None:
    warehouse, lines, customers = built
    survivor = {c["customer_id"]: c["merged_into_customer_id"] or c["customer_id"] for c in customers}
    referrers = {
        c["customer_id"]: survivor.get(c["referred_by_customer_id"], "stranger")
        for c in customers
        if c["merged_into_customer_id"] is None and c["referred_by_customer_id"] is not None
    }
    assert any(who == by for who, by in referrers.items())  # merged into who was referred by them
    assert any(referrers.get(by) == who != by for who, by in referrers.items())  # a circle
    frame = pd.DataFrame(
        [
            {
                "customer_id": survivor[line["customer_id"]],
                "business_date": line["business_date"],
                "net_amount": line["net_amount"],
                "category": "unknown",
                "profit": line["net_amount"] - line["cost_amount"]
                if line["cost_amount"] is not None
                else line["net_amount"] / 4,
            }
            for line in lines
        ]
    )
    settings, past = Settings(), histories(frame, AS_OF)
    tiers = customer_tiers_monthly(past, POLICY, settings, AS_OF)
    scenarios = loyalty_scenarios(past, tiers, settings, AS_OF)
    expected = customer_value(
        past,
        tiers,
        scenarios,
        {who: by for who, by in referrers.items() if who != by},
        {
            r["customer_id"]: r["expected_purchase_days_12m"] * r["expected_spend_per_purchase_day"]
            for r in warehouse.records("select * from marts.customer_retention")
        },
        settings,
        AS_OF,
    )
    actual = pd.DataFrame(warehouse.records("select * from marts.customer_value"), dtype=object)
    money = [column for column in VALUE if column.startswith(("yearly", "expected"))]
    columns = [column for column in VALUE if column != "customer_id"]
    tolerances = dict.fromkeys(money, CENTS) | {"referred_expected_lifetime_profit": REFERRED}
    compare(expected, actual, ["customer_id"], columns, tolerances)

    # The history does exercise what it is there for.
    assert set(actual["margin_basis"]) == {"own", "all"}
    assert set(actual["retention_basis"]) == {"tier", "all"}
    assert actual["expected_lifetime_profit"].notna().all()
    assert (actual["referred_customers"] > actual["referred_buyers"]).any()
    reasons = {reason for (reason,) in warehouse.query("select distinct reason from marts.loyalty_scenarios")}
    assert reasons == {None, "fewer than 30 customer-months at risk"}


def test_a_merged_customers_curves_count_one_customer(built: tuple[Any, Any, Any]) -> None:
    warehouse, _, _ = built
    ((customers,),) = warehouse.query("select count(*) from marts.customer_value")
    assert warehouse.query(
        "select curve, max(at_risk_count) from marts.survival_curves "
        "where curve <> 'gap' and group_name = 'all' group by curve order by curve"
    ) == [("lifetime", customers), ("time_to_second_purchase", customers)]


def test_wilsons_interval_is_that_of_newcombes_table(warehouse: Any) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3; the calculation's and the macro's."""
    published = {
        (81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718),
    }  # fmt: skip
    trials = ", ".join(f"({events}.0 / {count}, {count}.0)" for events, count in published)
    bounds = ", ".join(f"{{{{ wilson_bound('rate', 'trials', '{sign}') }}}}" for sign in "-+")
    compiled = warehouse.dbt(
        "compile",
        "--inline",
        f"select {bounds} from (values {trials}) as given(rate, trials)",
        as_of_date=AS_OF.isoformat(),
    )
    rows = warehouse.query(compiled.result.results[0].node.compiled_code)
    for ((events, count), interval), row in zip(published.items(), rows, strict=True):
        assert wilson(events / count, count) == pytest.approx(interval, abs=5.1e-5)
        assert row == pytest.approx(interval, abs=5.1e-5)


def test_without_transactions_value_and_scenarios_are_there_and_empty(warehouse: Any) -> None:
    warehouse.build("+path:models/marts/value", as_of_date=AS_OF.isoformat())
    for mart in ("customer_value", "loyalty_scenarios"):
        assert warehouse.query(f"select count(*) from marts.{mart}") == [(0,)], mart
