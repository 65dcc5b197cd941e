"""The gates between the steps: what one of them finds wanting goes no further, in that night or a later one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from deployments import Deployment, mainstay, says_one_thing, started
from nights_world import addresses, database, load_day, night, opened, sales, unvalidated

from pipelines import steps
from pipelines.errors import BuildError, PublishError, ValidationFailedError
from pipelines.warehouse.standing import are_marts_validated, built_as_of

pytestmark = pytest.mark.usefixtures("without_dbt_tests")

FIRST = date(2024, 5, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def change(deployment: Deployment, *statements: str) -> None:
    with duckdb.connect(str(deployment.settings.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def failed_checks(deployment: Deployment, stage: str) -> set[tuple[object, ...]]:
    """Suite, expectation and column of what failed in the newest run that checked the stage."""
    return set(
        deployment.query(
            "select suite, expectation, column_name from ops.checks where not success and stage = "
            f"'{stage}' and run_id = (select arg_max(run_id, checked_at) from ops.checks where stage = '{stage}')"
        )
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment whose first night is published; each test leaves it mended and published."""
    deployment = started(tmp_path_factory.mktemp("gates") / "shop")
    deployment.land("transactions", FIRST, sales(FIRST))
    assert night(deployment, FIRST) == FIRST
    assert unvalidated(deployment) == []
    return deployment


@pytest.mark.soak
def test_what_one_night_found_wanting_stops_the_next_ones_until_it_is_mended(shop: Deployment) -> None:
    bad, good = day(1), day(2)
    served = database(shop).read_bytes()
    shop.land("transactions", bad, addresses(bad))
    shop.land("transactions", good, sales(good))
    with pytest.raises(ValidationFailedError, match="customer_id") as failure:
        night(shop, bad)
    assert failure.value.exit_code == 6
    assert unvalidated(shop) == [("transactions", bad)]

    with pytest.raises(ValidationFailedError, match="expect_column_values_to_not_match_regex"):
        night(shop, good)
    assert unvalidated(shop) == [("transactions", bad), ("transactions", good)]
    assert failed_checks(shop, "raw") == {
        ("raw.transactions", "expect_column_values_to_not_match_regex", "customer_id")
    }
    for command in (["validate", "raw", str(good)], ["build", "--as-of", str(good)]):
        says_one_thing(mainstay(shop.settings.home, *command), 6, "transactions.customer_id")
    assert built_as_of(shop.settings) == FIRST
    assert database(shop).read_bytes() == served

    shop.land("transactions", bad, sales(bad))
    with pytest.raises(ValidationFailedError, match="customer_id"):  # mended on disk alone
        steps.build(shop.settings, opened(shop, "build", good), good)
    assert night(shop, bad) == bad
    assert unvalidated(shop) == []
    assert night(shop, good) == good
    assert shop.query("select count(*) from fct_transactions", database(shop)) == [(36,)]


@pytest.mark.soak
def test_a_corrected_earlier_night_does_not_take_bi_back_in_time(shop: Deployment) -> None:
    (newest,) = shop.query("select distinct as_of_date from _publish", database(shop))[0]
    assert newest > FIRST
    shop.land("transactions", FIRST, [row | {"net_amount": "100.00"} for row in sales(FIRST)])
    assert night(shop, FIRST) == newest
    served = database(shop)
    assert shop.query("select distinct as_of_date from _publish", served) == [(newest,)]
    assert shop.query(
        f"select sum(net_amount) from fct_transactions where business_date = '{FIRST}'", served
    ) == [(1200,)]


@pytest.mark.soak
def test_a_build_waits_for_the_raw_expectations(shop: Deployment) -> None:
    late = day(3)
    shop.land("transactions", late, addresses(late))
    run_id = load_day(shop, late)
    before = built_as_of(shop.settings)
    assert unvalidated(shop) == [("transactions", late)]
    steps.stage(shop.settings, run_id, late)
    with pytest.raises(ValidationFailedError, match=rf"transactions {late}"):
        steps.build(shop.settings, run_id, late)
    assert shop.query("select max(business_date) from marts.fct_transactions") == [(before,)]
    assert built_as_of(shop.settings) == before

    shop.land("transactions", late, sales(late))
    load_day(shop, late)
    result = mainstay(shop.settings.home, "build", "--as-of", str(late))
    assert result.exit_code == 0, result.output
    assert unvalidated(shop) == []
    assert built_as_of(shop.settings) == late
    assert shop.query("select max(business_date) from marts.fct_transactions") == [(late,)]
    assert mainstay(shop.settings.home, "publish").exit_code == 0


@pytest.mark.soak
def test_marts_are_not_published_before_they_pass_their_expectations(shop: Deployment) -> None:
    late = day(4)
    shop.land("transactions", late, sales(late))
    load_day(shop, late)
    served = database(shop).read_bytes()
    result = mainstay(shop.settings.home, "build", "--as-of", str(late))
    assert result.exit_code == 0, result.output
    assert not are_marts_validated(shop.settings)
    with pytest.raises(PublishError, match="mainstay validate marts"):
        steps.publish(shop.settings, opened(shop, "publish", late), late)
    assert database(shop).read_bytes() == served

    suite = "marts.share_of_wallet_monthly"
    change(shop, f"update {suite} set wallet = 0.01 where own_spend > 1")
    for _ in range(2):
        result = mainstay(shop.settings.home, "publish", "--as-of", str(late))
        rule = "expect_column_pair_values_a_to_be_greater_than_b"
        says_one_thing(result, 6, suite, rule)
        assert (suite, rule) in {(s, e) for s, e, _ in failed_checks(shop, "marts")}
        assert database(shop).read_bytes() == served
    assert not are_marts_validated(shop.settings)

    for command in (["build", "--as-of", str(late)], ["publish"]):
        result = mainstay(shop.settings.home, *command)
        assert result.exit_code == 0, result.output
    assert are_marts_validated(shop.settings)
    assert database(shop).read_bytes() != served
    assert shop.query("select distinct as_of_date from _publish", database(shop)) == [(late,)]


@pytest.mark.soak
def test_a_validation_of_earlier_marts_does_not_count_for_a_later_build(shop: Deployment) -> None:
    as_of = built_as_of(shop.settings)
    run_id = opened(shop, "build", as_of)
    steps.validate(shop.settings, run_id, "marts", as_of, as_of)
    assert are_marts_validated(shop.settings)
    steps.build(shop.settings, run_id, as_of)
    with pytest.raises(BuildError, match="mainstay fit"):
        steps.publish(shop.settings, run_id, as_of)
    steps.fit(shop.settings, run_id, as_of)
    assert not are_marts_validated(shop.settings)
    with pytest.raises(PublishError, match="since the last build"):
        steps.publish(shop.settings, run_id, as_of)
    steps.validate(shop.settings, run_id, "marts", as_of, as_of)
    steps.publish(shop.settings, run_id, as_of)


def test_more_missing_values_than_tolerated_stop_before_the_load(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    rows = [row | ({"customer_id": None} if n < 2 else {}) for n, row in enumerate(sales(FIRST))]
    deployment.land("transactions", FIRST, rows)
    with pytest.raises(ValidationFailedError, match=r"transactions\.customer_id.*2 of 12 rows"):
        night(deployment, FIRST)
    assert failed_checks(deployment, "land") == {
        ("land.transactions", "expect_column_values_to_not_be_null", "customer_id")
    }
    assert deployment.query("select step, status from ops.steps order by sequence") == [
        ("land", "success"),
        ("validate_land", "failed"),
    ]
    assert deployment.query("select * from ops.files") == []
    says_one_thing(
        mainstay(deployment.settings.home, "validate", "land", str(FIRST)), 6, "transactions.customer_id"
    )


TWICE = (
    # The key comes on two dates, and the note that staging ranks such keys by is lost.
    ("delete from raw.transactions__contested",),
    "transaction_id, line_number",
)
LOST = (
    (
        "create or replace table staging.kept as select * exclude (net_amount) from staging.stg_transactions",
        "drop view staging.stg_transactions",
        "create view staging.stg_transactions as select * from staging.kept",
    ),
    "net_amount",
)


@pytest.mark.parametrize(("statements", "word"), [TWICE, LOST], ids=["key_twice", "column_lost"])
def test_broken_staging_is_found(tmp_path: Path, statements: tuple[str, ...], word: str) -> None:
    deployment = started(tmp_path / "shop")
    second = day(1)
    deployment.land("transactions", FIRST, sales(FIRST))
    deployment.land("transactions", second, [*sales(second), *sales(FIRST)[:1]])
    settings, run_id = deployment.settings, opened(deployment, "nightly", second)
    steps.load(settings, run_id, None, None)
    steps.validate(settings, run_id, "raw", None, None)
    steps.stage(settings, run_id, second)
    steps.validate(settings, run_id, "staging", second, second)
    change(deployment, *statements)
    with pytest.raises(ValidationFailedError, match=r"stg_transactions"):
        steps.validate(settings, run_id, "staging", second, second)
    failed = failed_checks(deployment, "staging")
    assert {suite for suite, _, _ in failed} == {"staging.stg_transactions"}
    assert word in str(deployment.query("select * from ops.checks where not success")), failed
