"""A build makes anew what has changed, not more, and everything where it cannot tell."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deployments import Deployment, create
from nights_world import load_day, night, opened, sales

from pipelines import steps
from pipelines import transform as transforming
from pipelines.errors import BuildError

pytestmark = pytest.mark.usefixtures("with_few_checks")

FIRST = date(2024, 5, 28)
DAYS = [FIRST + timedelta(days=n) for n in range(8)]


def product(number: int, category: str) -> dict[str, object]:
    return {
        "product_id": f"p{number}",
        "product_name": f"p{number}",
        "category": category,
        "unit_cost": "1.00",
    }


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    """Six dates loaded and built in one pass; p1 is sold on the first two only."""
    deployment = create(tmp_path_factory.mktemp("stale") / "shop")
    deployment.land("products", FIRST, [product(n, "tea") for n in range(3)])
    for number, day in enumerate(DAYS[:6]):
        rows = [
            r | ({"product_id": "p2"} if number > 1 and r["product_id"] == "p1" else {}) for r in sales(day)
        ]
        deployment.land("transactions", day, rows)
    deployment.load()
    deployment.build(DAYS[5])
    kept = deployment.settings.home.with_name("kept")
    shutil.copytree(deployment.settings.home, kept, symlinks=True)
    return deployment, kept


@pytest.fixture
def shop(built_once: tuple[Deployment, Path]) -> Deployment:
    """The same for each test, at the same place: the ledger knows files by their paths."""
    deployment, kept = built_once
    shutil.rmtree(deployment.settings.home)
    shutil.copytree(kept, deployment.settings.home, symlinks=True)
    return deployment


def built(deployment: Deployment) -> tuple[object, ...]:
    """What the newest build made anew, and how many stale dates there were."""
    detail = json.loads(
        str(
            deployment.query(
                "select detail from ops.steps where step = 'build' order by sequence desc limit 1"
            )[0][0]
        )
    )
    return detail["refresh"], detail["stale_dates"], detail["first_stale_date"]


def by_date(deployment: Deployment) -> dict[object, object]:
    return dict(deployment.query("select business_date, count(*) from marts.fct_transactions group by 1"))


def test_a_first_build_makes_everything_and_a_night_its_own_date(shop: Deployment) -> None:
    assert built(shop)[0] == "full"
    shop.land("transactions", DAYS[6], sales(DAYS[6]))
    night(shop, DAYS[6])
    assert built(shop) == ("stale dates", 1, str(DAYS[6]))
    assert by_date(shop) == dict.fromkeys(DAYS[:7], 12)
    assert shop.query("select * from ops.touched") == []
    shop.build(DAYS[6])
    assert built(shop) == ("stale dates", 0, None)


def test_a_late_row_makes_its_own_date_stale_and_not_its_files(shop: Deployment) -> None:
    late = sales(DAYS[0], 1)[0] | {"transaction_id": "late"}
    shop.land("transactions", DAYS[6], [late])
    load_day(shop, DAYS[6])
    shop.build(DAYS[6])
    assert built(shop) == ("stale dates", 1, str(DAYS[0]))
    assert by_date(shop)[DAYS[0]] == 13


@pytest.mark.soak
def test_an_emptied_date_is_gone_from_facts_days_and_months(shop: Deployment) -> None:
    shop.land("transactions", DAYS[5], [])
    load_day(shop, DAYS[5])
    shop.build(DAYS[5])
    assert built(shop) == ("stale dates", 1, str(DAYS[5]))
    assert by_date(shop) == dict.fromkeys(DAYS[:5], 12)
    (facts,) = shop.query("select sum(net_amount) from marts.fct_transactions")
    for table in ("int_customer_days", "int_customer_category_months"):
        assert shop.query(f"select sum(net_amount) from intermediate.{table}") == [facts], table


@pytest.mark.soak
def test_a_product_of_another_category_restates_the_dates_it_was_sold_on(shop: Deployment) -> None:
    shop.land("products", DAYS[5], [product(1, "wine")])
    shop.load()
    shop.build(DAYS[5])
    assert built(shop) == ("stale dates", 2, str(DAYS[0]))
    assert shop.query("select distinct category from marts.fct_transactions where product_id = 'p1'") == [
        ("wine",)
    ]
    shop.build(DAYS[5])
    assert built(shop) == ("stale dates", 0, None)


@pytest.mark.soak
def test_an_earlier_as_of_date_takes_dates_out_and_a_later_one_brings_them_back(shop: Deployment) -> None:
    everything = shop.query("select * from marts.fct_transactions order by all")
    shop.build(DAYS[4])
    assert built(shop) == ("stale dates", 1, str(DAYS[5]))
    assert by_date(shop) == dict.fromkeys(DAYS[:5], 12)
    shop.build(DAYS[5])
    assert built(shop) == ("stale dates", 1, str(DAYS[5]))
    assert shop.query("select * from marts.fct_transactions order by all") == everything


@pytest.mark.soak
def test_where_most_dates_are_stale_everything_is_made_anew(shop: Deployment) -> None:
    for day in DAYS[:4]:
        shop.land("transactions", day, sales(day, 6))
    shop.load()
    shop.build(DAYS[5])
    assert built(shop)[:2] == ("full", 4)


@pytest.mark.soak
def test_another_policy_or_setting_makes_everything_anew(shop: Deployment) -> None:
    shop.build(DAYS[5], default_margin_rate=0.5)
    assert built(shop)[0] == "full"
    rates = shop.settings.policies / "margin_rates.csv"
    rates.write_text("category,margin_rate\ntea,0.1\nunknown,0.2\n", encoding="utf-8")
    shop.build(DAYS[5])
    assert built(shop)[0] == "full"
    assert shop.query(
        "select distinct profit_amount / net_amount from marts.fct_transactions "
        "where profit_basis = 'assumed' and net_amount = 51.25"
    ) == [(0.2,)]


@pytest.mark.soak
def test_a_policy_that_is_edited_during_a_build_does_not_count_as_used(shop: Deployment) -> None:
    transform = transforming.transform

    def edited(*args: Any, **kwargs: Any) -> Any:
        results = transform(*args, **kwargs)
        rates = shop.settings.policies / "margin_rates.csv"
        rates.write_text("category,margin_rate\nunknown,0.2\n", encoding="utf-8")
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforming, "transform", edited)
        shop.build(DAYS[5])
    shop.build(DAYS[5])
    assert built(shop)[0] == "full"


@pytest.mark.soak
def test_after_a_build_that_failed_everything_is_made_anew(shop: Deployment) -> None:
    run_id = opened(shop, "build", DAYS[5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["pipelines.steps.build"], "transformed", _fails)
        with pytest.raises(BuildError, match="on purpose"):
            steps.build(shop.settings, run_id, DAYS[5])
    shop.build(DAYS[5])
    assert built(shop)[0] == "full"


def _fails(*_: object, **__: object) -> None:
    raise BuildError("on purpose")


@pytest.mark.usefixtures("with_dbt_tests")
def test_a_build_of_some_dates_that_forgot_one_is_found_by_dbt(shop: Deployment) -> None:
    """The net below the rope: facts and staging are compared by date after every build."""
    shop.land("transactions", DAYS[0], sales(DAYS[0], 6))
    load_day(shop, DAYS[0])
    with duckdb.connect(str(shop.settings.warehouse)) as connection:
        connection.execute("delete from ops.touched")
    with pytest.raises(BuildError, match="facts_are_the_staged_lines"):
        shop.build(DAYS[5])
