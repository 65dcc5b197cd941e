"""Each stage passes on sound data, and one broken value stops it under the right expectation's name."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from validating_world import DAY, MART, PARTITIONS

from pipelines.contracts import MartContract, RowRule, canonical_contracts, read_mart_contract
from pipelines.errors import ContractError, SettingsError, ValidationFailedError
from pipelines.settings import Settings
from pipelines.validate import ValidationReport, require_success, validate
from pipelines.validate.suites import land_suite

HEADER = (
    "transaction_id,line_number,customer_id,product_id,transaction_at,quantity,net_amount,discount_amount,cost_amount,"
    "store_id,channel,source_system\n"
)
GOOD = "".join(f"T{i},1,C1,P1,2024-03-01 10:00:00,1,9.99,0,5,S1,shop,\n" for i in range(20))


def failing(report: ValidationReport) -> set[tuple[str, str, str | None]]:
    return {(r.suite, r.expectation, r.column) for r in report.failures}


def change(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def land(
    settings: Settings, text: str, *, encoding: str = "utf-8", name: str = "transactions.csv.gz"
) -> ValidationReport:
    folder = settings.landing / "transactions" / DAY.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    data = text.encode(encoding)
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return validate(settings, "land", "run-1", PARTITIONS)


# land


@pytest.mark.parametrize("name", ["transactions.csv.gz", "it's [1]*.csv"])
def test_sound_files_pass(settings: Settings, name: str) -> None:
    report = land(settings, HEADER + GOOD, name=name)
    assert not report.failed, report.failures
    assert report.counts["checks"] > 5


def test_a_file_without_a_required_column_is_named(settings: Settings) -> None:
    report = land(settings, HEADER.replace("net_amount", "amount") + GOOD)
    assert ("land.transactions", "expect_files_to_have_columns", None) in failing(report)
    assert ("land.transactions", "expect_column_values_to_not_be_null", "net_amount") in failing(report)
    assert "transactions.csv.gz" in next(r.observed or "" for r in report.failures)


def test_a_header_alone_is_a_day_without_sales(settings: Settings) -> None:
    assert failing(land(settings, HEADER)) == set()


def test_more_missing_values_than_tolerated_stop_the_landing(settings: Settings) -> None:
    empty = GOOD.replace("T3,1,C1,", "T3,1,,")
    assert failing(land(settings, HEADER + empty)) == {
        ("land.transactions", "expect_column_values_to_not_be_null", "customer_id")
    }


def test_fewer_missing_values_than_tolerated_do_not(settings: Settings) -> None:
    many = "".join(f"T{i},1,C1,P1,2024-03-01 10:00:00,1,9.99,0,5,S1,shop,\n" for i in range(200))
    assert not land(settings, HEADER + many.replace("T3,1,C1,", "T3,1,,")).failed


def test_files_in_another_encoding_are_read(settings: Settings, tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "data_contracts" / "sources" / "transactions.odcs.yaml").read_text(
        "utf-8"
    )
    (tmp_path / "data_contracts" / "sources").mkdir(parents=True)
    (tmp_path / "data_contracts" / "sources" / "transactions.odcs.yaml").write_text(
        shipped.replace("encoding: utf-8", "encoding: gbk"), encoding="utf-8"
    )
    assert not land(settings, HEADER + GOOD.replace("shop", "门店"), encoding="gbk").failed


def test_json_lines_with_empty_keys_are_found(settings: Settings) -> None:
    folder = settings.landing / "wallet_surveys" / DAY.isoformat()
    folder.mkdir(parents=True)
    row = (
        '{"survey_id": "W1", "category": "all", "brand": "us", "customer_id": %s, '
        '"surveyed_at": "x", "is_own_brand": true}\n'
    )
    touched = {"wallet_surveys": [DAY]}
    (folder / "a.jsonl").write_text(row % '"C1"', encoding="utf-8")
    assert not validate(settings, "land", "run-1", touched).failed
    (folder / "a.jsonl").write_text(row % "null", encoding="utf-8")
    assert failing(validate(settings, "land", "run-1", touched)) == {
        ("land.wallet_surveys", "expect_column_values_to_not_be_null", "customer_id")
    }


# raw


def test_sound_raw_partitions_pass(settings: Settings, warehouse: Path) -> None:
    report = validate(settings, "raw", "run-1", PARTITIONS)
    assert not report.failed, report.failures
    assert {r.suite for r in report.results} == {"raw.transactions"}


@pytest.mark.parametrize(
    ("statement", "expectation", "column"),
    [
        (
            "update raw.transactions set customer_id = ' x' where transaction_id = 'T60'",
            "match_regex",
            "customer_id",
        ),
        (
            "update raw.transactions set customer_id = null where transaction_id = 'T60'",
            "not_be_null",
            "customer_id",
        ),
        (
            "update raw.transactions set line_number = -1 where transaction_id = 'T60'",
            "be_between",
            "line_number",
        ),
        (
            "update raw.transactions set channel = repeat('x', 65) where transaction_id = 'T60'",
            "lengths",
            "channel",
        ),
        (
            "update raw.transactions set business_date = null where transaction_id = 'T60'",
            "not_be_null",
            "business_date",
        ),
        (
            "update raw.transactions set business_date = date '2024-03-02' where transaction_id = 'T60'",
            "be_between",
            "days_after_partition",
        ),
        (
            "update raw.transactions set transaction_id = 'T61' where transaction_id = 'T60'",
            "expect_key_to_be_unique",
            "transaction_id, line_number, partition_date",
        ),
        (
            "update raw.transactions set customer_id = 'ann@example.org' where partition_date = '2024-03-01'",
            "not_match_regex",
            "customer_id",
        ),
        ("alter table raw.transactions alter net_amount type decimal(18,3)", "types_to_match", None),
        ("alter table raw.transactions drop store_id", "types_to_match", None),
    ],
)
def test_one_broken_value_in_raw_is_named(
    settings: Settings, warehouse: Path, statement: str, expectation: str, column: str | None
) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop view staging.stg_transactions")
        connection.execute(statement)
    report = validate(settings, "raw", "run-1", PARTITIONS)
    assert any(expectation in r.expectation and r.column == column for r in report.failures), report.failures
    with pytest.raises(ValidationFailedError, match=r"raw: .*expectations failed"):
        require_success(report)


def test_only_touched_partitions_count(settings: Settings, warehouse: Path) -> None:
    change(warehouse, "update raw.transactions set customer_id = ' x' where transaction_id = 'T1'")
    assert not validate(settings, "raw", "run-1", PARTITIONS).failed
    assert validate(settings, "raw", "run-1", {"transactions": [date(2024, 2, 29)]}).failed
    assert validate(settings, "raw", "run-1", None).failed


def test_personal_values_are_not_shown(settings: Settings, warehouse: Path) -> None:
    secret = "secret-" + "x" * 70
    change(
        warehouse,
        "insert into raw.customers (customer_id, phone, business_date, partition_date) "
        f"values ('C1', '{secret}', '{DAY}', '{DAY}')",
    )
    report = validate(settings, "raw", "run-1", {"customers": [DAY]})
    assert failing(report) == {("raw.customers", "expect_column_value_lengths_to_be_between", "phone")}
    assert report.failures[0].observed == "1 of 1 rows"
    assert report.failures[0].detail
    assert "secret-" not in report.failures[0].detail


# staging


def test_sound_staging_passes(settings: Settings, warehouse: Path) -> None:
    report = validate(settings, "staging", "run-1", PARTITIONS)
    assert not report.failed, report.failures
    assert report.counts["suites"] == 9


def test_a_key_that_stands_twice_in_staging_is_named(settings: Settings, warehouse: Path) -> None:
    change(
        warehouse,
        "insert into raw.transactions select * replace (date '2024-03-05' as partition_date) "
        "from raw.transactions where transaction_id = 'T60'",
    )
    assert failing(validate(settings, "staging", "run-1", PARTITIONS)) == {
        ("staging.stg_transactions", "expect_key_to_be_unique", "transaction_id, line_number")
    }


def test_a_missing_view_is_a_failure(settings: Settings, warehouse: Path) -> None:
    change(warehouse, "drop view staging.stg_products")
    report = validate(settings, "staging", "run-1", PARTITIONS)
    assert failing(report) == {("staging.stg_products", "expect_batch_to_be_readable", None)}
    assert "stg_products" in (report.failures[0].observed or "")


# marts


def test_sound_marts_pass(settings: Settings, warehouse: Path, mart: MartContract) -> None:
    report = validate(settings, "marts", "run-1", None, marts={"tiers": mart})
    assert not report.failed, report.failures


@pytest.mark.parametrize(
    ("statement", "expectation", "column"),
    [
        ("update marts.tiers set tier = 'lead' where customer_id = 'C1'", "in_set", "tier"),
        (
            "update marts.tiers set tier = null where customer_id in ('C1', 'C2')",
            "expect_metric_to_keep_rule",
            "tier",
        ),
        ("update marts.tiers set share = 1.5 where customer_id = 'C1'", "be_between", "share"),
        ("update marts.tiers set amount = null where customer_id = 'C1'", "not_be_null", "amount"),
        ("update marts.tiers set amount = -100 where customer_id = 'C1'", "column_mean", "amount"),
        ("delete from marts.tiers", "row_count", None),
        ("alter table marts.tiers alter amount type double", "types_to_match", None),
        ("alter table marts.tiers add extra int", "ordered_list", None),
        ("drop table marts.tiers", "expect_batch_to_be_readable", None),
    ],
)
def test_one_broken_value_in_a_mart_is_named(
    settings: Settings,
    warehouse: Path,
    mart: MartContract,
    statement: str,
    expectation: str,
    column: str | None,
) -> None:
    change(warehouse, statement)
    report = validate(settings, "marts", "run-1", None, marts={"tiers": mart})
    assert any(expectation in r.expectation and r.column == column for r in report.failures), report.failures


def test_an_empty_mart_passes_where_its_contract_allows_it(
    settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tiers.odcs.yaml"
    text = MART.format(name="tiers").replace("- {name: filled, metric: rowCount, mustBeGreaterThan: 0}", "[]")
    lines = [
        line
        for line in text.splitlines()
        if not line.strip().startswith(("- name: mean", "type: custom", "engine:", "implementation:"))
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    change(warehouse, "delete from marts.tiers")
    assert not validate(settings, "marts", "run-1", None, marts={"tiers": read_mart_contract(path)}).failed


# serving


def test_a_sound_serving_file_passes(settings: Settings, serving: Path, mart: MartContract) -> None:
    report = validate(settings, "serving", "run-1", None, connection_path=serving, marts={"tiers": mart})
    assert not report.failed, report.failures


@pytest.mark.parametrize(
    ("statement", "expectation", "column"),
    [
        ("delete from tiers", "be_between", "tiers"),
        ("create table other as select 1 as x", "distinct_values_to_equal_set", "table_name"),
        (
            "create schema other; create table other.tiers as from tiers",
            "distinct_values_to_equal_set",
            "table_name",
        ),
        ("alter table tiers add phone varchar", "not_be_in_set", "column_name"),
        ("alter table tiers add extra int", "types_to_match", None),
        ("insert into _publish values ('run-2', 'x', 1)", "unique_value_count", "run_id"),
        ("drop table _publish", "expect_batch_to_be_readable", None),
        ("drop table tiers", "distinct_values_to_equal_set", "table_name"),
    ],
)
def test_one_fault_in_the_serving_file_is_named(
    settings: Settings,
    serving: Path,
    mart: MartContract,
    statement: str,
    expectation: str,
    column: str | None,
) -> None:
    change(serving, statement)
    report = validate(settings, "serving", "run-1", None, connection_path=serving, marts={"tiers": mart})
    assert any(expectation in r.expectation and r.column == column for r in report.failures), report.failures


# contracts


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("expect_column_mean_to_be_between", "expect_the_unexpected", "expect_the_unexpected"),
        ("kwargs: {column: amount, min_value: 0}", "kwargs: {colum: amount}", "mend its kwargs"),
        ("metric: rowCount", "metric: rowsCount", "rowsCount"),
        ("mustBeGreaterThan: 0", "mustBeBetween: [1, 2], mustBe: 1", "exactly one"),
    ],
)
def test_a_rule_that_cannot_be_checked_is_a_contract_error(
    settings: Settings, warehouse: Path, tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "tiers.odcs.yaml"
    path.write_text(MART.format(name="tiers").replace(old, new), encoding="utf-8")
    with pytest.raises(ContractError, match=says) as caught:
        validate(settings, "marts", "run-1", None, marts={"tiers": read_mart_contract(path)})
    assert str(path) in str(caught.value)


def test_an_unknown_stage_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="unknown stage"):
        validate(settings, "mart", "run-1", None)


def test_no_warehouse_is_a_clear_failure(settings: Settings) -> None:
    with pytest.raises(ValidationFailedError, match="cannot be opened"):
        validate(settings, "marts", "run-1", None)


def test_keys_that_do_not_tell_rows_apart(settings: Settings, warehouse: Path) -> None:
    change(
        warehouse,
        "insert into raw.transactions__contested select 'T' || i, 1 from range(50, 60) as t(i)",
        "insert into raw.transactions by name select 'T' || i as transaction_id, 1 as line_number, 'C9' as customer_id, "
        "timestamp '2024-02-29 10:00:00' as transaction_at, 1 as net_amount, date '2024-02-29' as business_date, "
        "date '2024-02-29' as partition_date from range(50, 60) as t(i)",
    )
    assert failing(validate(settings, "raw", "run-1", PARTITIONS)) == {
        ("raw.transactions", "expect_keys_to_tell_rows_apart", "transaction_id, line_number")
    }
    tolerant = settings.model_copy(update={"tolerated_key_reuse_rate": 0.2})
    assert not validate(tolerant, "raw", "run-1", PARTITIONS).failed


def test_rows_that_are_not_ours_may_be_empty_as_they_are_landed() -> None:
    contract = canonical_contracts()["transactions"]
    unowned = replace(contract, reject_if=(RowRule("nobody", "nobody", "customer_id IS NULL"),))
    asked = [c.column for c in land_suite(contract, "select 1").checks]
    assert "customer_id" in asked
    assert "customer_id" not in [c.column for c in land_suite(unowned, "select 1").checks]
