"""A date with far fewer or more rows than its weekday usually has is told, or stops the night where the contract says so."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from deployments import Deployment, create, mainstay

from pipelines import steps
from pipelines.closed_days import read_closed_days
from pipelines.contracts import SourceContract
from pipelines.errors import ContractError, ValidationFailedError
from pipelines.validate.rules import usual_row_count
from pipelines.validate.suites import raw_suite
from pipelines.warehouse import ledger

MONDAY = date(2024, 5, 6)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> SourceContract:
    return create(tmp_path_factory.mktemp("volume") / "shop").contracts["transactions"]


def unusual(contract: SourceContract, counts: list[int | None], rows: int) -> bool:
    """Whether so many rows on a Monday are unusual after those of the Mondays before, newest last; None: not landed."""
    with closing(duckdb.connect()) as connection:
        connection.execute(ledger.DDL)
        connection.execute("create view batch as select 1")
        weeks = range(len(counts), 0, -1)
        days = [(MONDAY - timedelta(weeks=n), count) for n, count in zip(weeks, counts, strict=True)]
        others = [(day + timedelta(days=1), 10**6) for day, _ in days]  # Tuesdays say nothing of a Monday
        for day, count in [*days, *others, (MONDAY, rows)]:
            if count is not None:
                connection.execute(
                    "insert into ops.files (dataset, partition_date, loaded, status) values "
                    "('transactions', $1, 0, 'replaced'), ('transactions', $1, $2, 'loaded'), ('products', $1, 7, 'loaded')",
                    [day, count],
                )
        sql = usual_row_count(contract, [MONDAY]).kwargs["unexpected_rows_query"].format(batch="batch")
        return bool(connection.execute(sql.replace("\\:", ":")).fetchall())


@pytest.mark.parametrize(
    ("counts", "rows", "is_unusual"),
    [
        ([1000] * 4, 499, True),
        ([1000] * 4, 500, False),
        ([1000] * 4, 2000, False),
        ([1000] * 4, 2001, True),
        ([1000] * 4, 0, True),
        ([1000] * 3, 0, False),  # too few Mondays to know what is usual
        ([1000, None, 1000, None, 1000, 1000], 0, True),
        ([1, 1, 1, 1, 1000, 1000, 1000, 1000, 1000], 1000, False),
        ([0, 1000, 1000, 1000, 0], 1000, False),
        ([5] * 4, 1, False),  # chance alone does that
        ([40] * 4, 12, True),
    ],
)
def test_what_is_unusual(
    contract: SourceContract, counts: list[int | None], rows: int, is_unusual: bool
) -> None:
    assert unusual(contract, counts, rows) == is_unusual


def test_closed_days_and_dates_long_before_the_newest_are_not_asked(contract: SourceContract) -> None:
    def asked(days: list[date], closed: str = "") -> bool:
        checks = raw_suite(contract, days, closed=read_closed_days(closed)).checks
        return any(check.type == "expect_row_count_to_be_usual" for check in checks)

    assert asked([MONDAY])
    assert not asked([MONDAY], "monday")
    assert asked([MONDAY - timedelta(days=6), MONDAY], "05-06")
    assert not asked([MONDAY - timedelta(days=7), MONDAY], "05-06")
    assert not asked([])


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Four Mondays of 30 sales and one of 2."""
    shop = create(tmp_path_factory.mktemp("quiet") / "shop")
    shutil.copytree(shop.settings.contracts / "sources", shop.settings.home / "data_contracts" / "sources")
    for week in range(5):
        day = MONDAY - timedelta(weeks=week)
        row = {"line_number": 1, "customer_id": "c1", "transaction_at": f"{day} 10:00:00", "net_amount": "1"}
        rows = [row | {"transaction_id": f"t{week}-{n}"} for n in range(30 if week else 2)]
        shop.land("transactions", day, rows)
    shop.load()
    return shop


def test_it_warns_and_the_night_goes_on(quiet: Deployment) -> None:
    run_id = quiet._start("nightly", MONDAY)
    summary = steps.validate(quiet.settings, run_id, "raw", MONDAY, MONDAY)
    assert (summary["failed"], summary["warned"]) == (0, 1)
    assert summary["passed"] == summary["checks"] - 1
    (said,) = summary["warnings"]
    assert "expect_row_count_to_be_usual: partition_date 2024-05-06, loaded_rows 2, usual_rows 30" in said
    assert quiet.query("select success, severity from ops.checks where not success") == [(False, "warning")]
    shown = mainstay(quiet.settings.home, "status").output
    assert "! raw raw.transactions" in shown


def with_setting(shop: Deployment, home: Path, name: str, value: object) -> Deployment:
    shutil.copytree(shop.settings.home, home, symlinks=True)
    path = home / "data_contracts" / "sources" / "transactions.odcs.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["customProperties"].append({"property": name, "value": value})
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return Deployment(shop.settings.model_copy(update={"home": home}))


def test_where_the_contract_says_so_it_stops_the_night(quiet: Deployment, tmp_path: Path) -> None:
    shop = with_setting(quiet, tmp_path / "shop", "unusualVolumeStops", True)
    with pytest.raises(
        ValidationFailedError, match="expect_row_count_to_be_usual: partition_date 2024-05-06"
    ):
        steps.validate(shop.settings, shop._start("nightly", MONDAY), "raw", MONDAY, MONDAY)


@pytest.mark.parametrize(
    ("name", "value"), [("unusualVolume", 1.5), ("unusualVolume", "half"), ("unusualVolumeStops", 1)]
)
def test_a_wrong_bound_is_refused(quiet: Deployment, tmp_path: Path, name: str, value: object) -> None:
    shop = with_setting(quiet, tmp_path / "shop", name, value)
    with pytest.raises(ContractError, match=f"customProperties.{name}"):
        assert shop.contracts


def test_a_contracts_own_rule_can_warn_too(contract: SourceContract) -> None:
    from pipelines.validate.rules import quality_checks

    rule = contract.quality[0].model_copy(update={"severity": "warning"})
    assert {check.severity for check in quality_checks(contract, rule)} == {"warning"}
    assert {check.severity for check in quality_checks(contract, contract.quality[0])} == {"error"}
