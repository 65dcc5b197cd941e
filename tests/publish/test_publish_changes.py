"""What a publishing would change is said exactly, whatever the marts held before and hold now."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from publishing_world import (
    AS_OF,
    ODD,
    assert_tidy,
    build_warehouse,
    contract,
    contracts,
    publish_night,
    settings_in,
)

from pipelines.contracts import MartContract
from pipelines.errors import PublishError
from pipelines.publish import compare, publish
from pipelines.publish.changes import Changes
from pipelines.publish.pairs import Pair, TableChanges
from pipelines.quoting import ident
from pipelines.settings import Settings

FACTS = """
      - {name: transaction_id, physicalType: VARCHAR, primaryKey: true}
      - {name: line_number, physicalType: INTEGER, primaryKey: true, primaryKeyPosition: 2}
      - {name: month, physicalType: DATE}
      - {name: net_amount, physicalType: "DECIMAL(18,2)"}
"""
TIERS = """
      - {name: customer_id, physicalType: VARCHAR, primaryKey: true}
      - {name: month, physicalType: DATE, primaryKey: true, primaryKeyPosition: 2}
      - {name: is_complete_month, physicalType: BOOLEAN}
      - {name: tier, physicalType: VARCHAR}
"""
FACT_ROWS = """
    ('t1', 1, date '2017-01-01', 100.00), ('t1', 2, date '2017-01-01', -20.50),
    ('t2', 1, date '2017-02-01', 30.00), ('t3', 1, date '2017-02-01', 10.00), ('t4', 1, date '2017-03-01', 5.00)
"""
TIER_ROWS = """
    ('ann', date '2017-01-01', true, 'gold'), ('ann', date '2017-02-01', false, 'gold'),
    ('bob', date '2017-01-01', true, 'gold'), ('bob', date '2017-02-01', false, 'silver'),
    ('cat', date '2017-02-01', false, 'new')
"""


def marts(home: Path, facts: str = FACTS, **options: str) -> dict[str, MartContract]:
    return {
        "fct_transactions": contract(home / "contracts", "fct_transactions", columns=facts, **options),
        "customer_tiers_monthly": contract(home / "contracts", "customer_tiers_monthly", columns=TIERS),
    }


def run(settings: Settings, *statements: str) -> None:
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as c:
        c.execute("create schema if not exists marts")
        for statement in statements:
            c.execute(statement)


def published(home: Path) -> Settings:
    settings = settings_in(home)
    run(
        settings,
        "create table marts.fct_transactions "
        "(transaction_id varchar, line_number integer, month date, net_amount decimal(18, 2))",
        "create table marts.customer_tiers_monthly "
        "(customer_id varchar, month date, is_complete_month boolean, tier varchar)",
        f"insert into marts.fct_transactions values {FACT_ROWS}",
        f"insert into marts.customer_tiers_monthly values {TIER_ROWS}",
    )
    publish(settings, "run-1", AS_OF, marts(home))
    return settings


def by_name(changes: Changes) -> dict[str, TableChanges]:
    return {table.name: table for table in changes.tables}


def figures(table: TableChanges) -> tuple[Any, ...]:
    return table.rows_before, table.rows_after, table.added, table.removed, table.changed


def test_before_the_first_publication_there_is_nothing_to_compare(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    build_warehouse(settings, 1)
    changes = compare(settings, contracts(tmp_path))
    assert (changes.before, changes.as_of_before, changes.problem) == (None, None, None)
    assert {t.status for t in changes.tables} == {"first publication"}
    assert figures(by_name(changes)["tiers"]) == (None, 41, 0, 0, 0)
    assert publish_night(settings, 1).unchanged is False, "comparing published something"


def test_the_same_marts_in_another_order_change_nothing_and_are_not_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path)
    version = publish_night(settings, 1).version
    build_warehouse(settings, 1, reverse=True)

    def unwanted(*_: object) -> None:
        raise AssertionError("read row by row")

    monkeypatch.setattr(Pair, "where_different", unwanted)
    changes = compare(settings, contracts(tmp_path))
    assert (changes.before, changes.as_of_before) == (version, AS_OF)
    assert {t.status for t in changes.tables} == {"same"}
    assert [t.name for t in changes.tables] == sorted(contracts(tmp_path))
    assert_tidy(settings)


def test_a_corrected_row_restates_its_month_alone(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.fct_transactions set net_amount = 33.25 where transaction_id = 't2'",
    )
    changes = compare(settings, marts(tmp_path)).as_dict()
    facts = next(t for t in changes["tables"] if t["name"] == "fct_transactions")
    assert (facts["status"], facts["added"], facts["removed"], facts["changed"]) == ("changed", 0, 0, 1)
    february = {"before": "40.00", "after": "43.25", "difference": "3.25"}
    assert changes["revenue_restated"] == [{"month": "2017-02-01", **february}]
    assert changes["revenue_total"] == {"month": None, **february}
    assert changes["as_of_before"] == "2017-12-31"
    assert changes["tiers_moved"] == []
    assert json.loads(json.dumps(changes)) == changes


def test_only_the_months_that_differ_are_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.fct_transactions set net_amount = 1 where transaction_id = 't2'",
        "insert into marts.fct_transactions values ('t9', 1, null, 7)",
    )
    conditions = []
    original = Pair.changes

    def heard(self: Pair, where: str | None, before: int, after: int) -> TableChanges:
        conditions.append(where)
        return original(self, where, before, after)

    monkeypatch.setattr(Pair, "changes", heard)
    changes = compare(settings, marts(tmp_path))
    assert conditions == [None, """("month" IN (DATE '2017-02-01') OR "month" IS NULL)"""]
    assert figures(by_name(changes)["fct_transactions"]) == (5, 6, 1, 0, 1)
    assert [(r.month, r.difference) for r in changes.revenue_restated] == [
        (None, 7),
        (date(2017, 2, 1), -29),
    ]
    assert changes.revenue_total is not None
    assert changes.revenue_total.difference == -22


def test_a_row_that_moves_to_another_month_is_changed_not_added_and_removed(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.fct_transactions set month = date '2017-03-01' where transaction_id = 't3'",
    )
    changes = compare(settings, marts(tmp_path))
    assert figures(by_name(changes)["fct_transactions"]) == (5, 5, 0, 0, 1)
    assert [(r.month, r.before, r.after) for r in changes.revenue_restated] == [
        (date(2017, 2, 1), 40, 30),
        (date(2017, 3, 1), 5, 15),
    ]
    assert changes.revenue_total is not None
    assert changes.revenue_total.difference == 0


def test_months_that_were_not_built_before_are_new_and_not_restated(tmp_path: Path) -> None:
    """One before the first month that was served, and one after the as-of date it was served for."""
    settings = published(tmp_path)
    run(
        settings,
        "insert into marts.fct_transactions values ('t7', 1, date '2016-12-01', 70), ('t8', 1, date '2018-01-01', 80)",
        "update marts.fct_transactions set net_amount = 33.25 where transaction_id = 't2'",
    )
    changes = compare(settings, marts(tmp_path))
    assert figures(by_name(changes)["fct_transactions"]) == (5, 7, 2, 0, 1)
    assert [r.month for r in changes.revenue_restated] == [date(2017, 2, 1)]


def test_days_after_the_served_as_of_date_do_not_restate_their_month(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(settings, "alter table marts.fct_transactions add column business_date date")
    run(settings, "update marts.fct_transactions set business_date = month")
    days = marts(tmp_path, FACTS + "      - {name: business_date, physicalType: DATE}\n")
    publish(settings, "run-2", date(2017, 3, 15), days)
    run(
        settings,
        "insert into marts.fct_transactions values ('t8', 1, date '2017-03-01', 80, date '2017-03-20')",
    )
    assert compare(settings, days).revenue_restated == ()
    run(
        settings,
        "insert into marts.fct_transactions values ('t9', 1, date '2017-03-01', 9, date '2017-03-15')",
    )
    assert [(r.month, r.difference) for r in compare(settings, days).revenue_restated] == [
        (date(2017, 3, 1), 9)
    ]


def test_deleted_rows_and_an_emptied_month_are_removed(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(settings, "delete from marts.fct_transactions where transaction_id = 't4' or line_number = 2")
    changes = compare(settings, marts(tmp_path))
    assert figures(by_name(changes)["fct_transactions"]) == (5, 3, 0, 2, 0)
    assert [(r.month, r.before, r.after) for r in changes.revenue_restated] == [
        (date(2017, 1, 1), pytest.approx(79.5), 100),
        (date(2017, 3, 1), 5, 0),
    ]


def test_tier_moves_are_counted_by_from_and_to(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.customer_tiers_monthly set tier = 'silver' where customer_id = 'ann'",
        "update marts.customer_tiers_monthly set tier = 'silver' "
        "where customer_id = 'bob' and month = date '2017-01-01'",
        "update marts.customer_tiers_monthly set tier = null where customer_id = 'cat'",
        "insert into marts.customer_tiers_monthly values ('dan', date '2017-01-01', true, 'gold')",
    )
    changes = compare(settings, marts(tmp_path)).as_dict()
    january, february = "2017-01-01", "2017-02-01"
    names = (
        "from_tier",
        "to_tier",
        "customers",
        "customer_months",
        "complete_customer_months",
        "first_month",
        "last_month",
    )
    assert [tuple(move[n] for n in names) for move in changes["tiers_moved"]] == [
        ("gold", "silver", 2, 3, 2, january, february),
        ("new", None, 1, 1, 0, february, february),
    ]
    assert changes["tier_months"] == [january, february]
    tiers = next(t for t in changes["tables"] if t["name"] == "customer_tiers_monthly")
    assert (tiers["added"], tiers["removed"], tiers["changed"]) == (1, 0, 4)
    assert changes["revenue_restated"] == []
    assert changes["revenue_total"] is None


def test_null_is_a_value_as_any(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(settings, "insert into marts.fct_transactions values ('t5', 1, null, null), ('t6', 1, null, 2)")
    publish(settings, "run-2", AS_OF, marts(tmp_path))
    run(
        settings,
        "update marts.fct_transactions set net_amount = 0 where transaction_id = 't5'",
        "update marts.fct_transactions set net_amount = null where transaction_id = 't4'",
        # Only what is built can have a key of null: a served one was refused.
        "update marts.fct_transactions set transaction_id = null where transaction_id = 't6'",
    )
    changes = compare(settings, marts(tmp_path))
    assert figures(by_name(changes)["fct_transactions"]) == (7, 7, 1, 1, 2)
    # Null and 0 add up to the same: only the month whose amount went is restated.
    assert [(r.month, r.difference) for r in changes.revenue_restated] == [(date(2017, 3, 1), -5)]


def test_new_and_gone_marts_are_named(tmp_path: Path) -> None:
    settings = published(tmp_path)
    build_warehouse(settings, 1)
    now = {**contracts(tmp_path), "fct_transactions": marts(tmp_path)["fct_transactions"]}
    tables = by_name(compare(settings, now))
    assert {name: table.status for name, table in tables.items()} == {
        "fct_transactions": "same",
        "customer_tiers_monthly": "gone",
        "empty_mart": "new",
        "tiers": "new",
        ODD: "new",
    }
    assert figures(tables["customer_tiers_monthly"]) == (5, None, 0, 5, 0)
    assert figures(tables["tiers"]) == (None, 41, 41, 0, 0)


def test_hostile_names_are_names(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    run(
        settings,
        f"update marts.{ident(ODD)} set \"select\" = -1, note = '''; drop' where customer_id = 'c000000'",
    )
    tables = by_name(compare(settings, contracts(tmp_path)))
    assert figures(tables[ODD]) == (41, 41, 0, 0, 1)
    assert tables["tiers"].status == "same"


def test_columns_that_only_one_version_has_are_named_and_the_others_compared(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.fct_transactions set net_amount = 6 where transaction_id = 't4'",
        "alter table marts.fct_transactions add column channel varchar default 'web'",
        "alter table marts.fct_transactions alter net_amount type decimal(18, 4)",
    )
    facts = FACTS.replace("18,2", "18,4") + "      - {name: channel, physicalType: VARCHAR}\n"
    changes = compare(settings, marts(tmp_path, facts))
    table = by_name(changes)["fct_transactions"]
    assert figures(table) == (5, 5, 0, 0, 1)
    # Amounts have the decimals of the type as built: those of the currency.
    [restated] = changes.as_dict()["revenue_restated"]
    assert (restated["before"], restated["difference"]) == ("5.0000", "1.0000")
    assert (table.columns_added, table.columns_removed, table.columns_retyped) == (
        ("channel",),
        (),
        ("net_amount",),
    )
    publish(settings, "run-2", AS_OF, marts(tmp_path, facts))
    run(settings, "alter table marts.fct_transactions drop column channel")
    table = by_name(compare(settings, marts(tmp_path, FACTS.replace("18,2", "18,4"))))["fct_transactions"]
    assert (table.status, *figures(table)) == ("changed", 5, 5, 0, 0, 0)
    assert table.columns_removed == ("channel",)


def test_a_key_that_the_served_version_does_not_have_compares_whole_rows(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "update marts.fct_transactions set net_amount = 6 where transaction_id = 't4'",
        "alter table marts.fct_transactions add column shop varchar default 'a'",
    )
    facts = FACTS + "      - {name: shop, physicalType: VARCHAR, primaryKey: true, primaryKeyPosition: 3}\n"
    table = by_name(compare(settings, marts(tmp_path, facts)))["fct_transactions"]
    assert figures(table) == (5, 5, 1, 1, 0)


def test_without_a_column_in_common_all_rows_are_replaced(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(settings, "create or replace table marts.fct_transactions as select 'x' as other from range(3)")
    other = "\n      - {name: other, physicalType: VARCHAR, primaryKey: true}\n"
    changes = compare(settings, marts(tmp_path, other))
    assert figures(by_name(changes)["fct_transactions"]) == (5, 3, 3, 5, 0)
    assert changes.revenue_restated == ()


def test_a_type_that_cannot_hold_the_served_values_does_not_stop_the_comparison(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(
        settings,
        "create or replace table marts.fct_transactions as select 1 as transaction_id, 1 as line_number, "
        "date '2017-01-01' as month, 1::decimal(18, 2) as net_amount",
    )
    facts = FACTS.replace("transaction_id, physicalType: VARCHAR", "transaction_id, physicalType: INTEGER")
    table = by_name(compare(settings, marts(tmp_path, facts)))["fct_transactions"]
    assert figures(table) == (5, 1, 1, 5, 0)
    assert table.columns_retyped == ("transaction_id",)


def test_a_damaged_serving_file_is_named_and_does_not_stop_the_night(tmp_path: Path) -> None:
    settings = published(tmp_path)
    file = settings.serving / "marts.duckdb"
    file.chmod(0o644)
    file.write_bytes(b"no database")
    changes = compare(settings, marts(tmp_path))
    assert changes.before is None
    assert changes.problem is not None
    assert str(file) in changes.problem
    assert {t.status for t in changes.tables} == {"not compared"}


def test_damaged_rows_behind_a_readable_head_are_named_too(tmp_path: Path) -> None:
    settings = published(tmp_path)
    file = settings.serving / "marts.duckdb"
    with duckdb.connect() as c:
        c.execute(f"attach '{file}' as s (read_only)")
        blocks = {
            table: {
                row[0]
                for row in c.execute(
                    f"select block_id from pragma_storage_info('s.main.{table}') where block_id >= 0"
                ).fetchall()
            }
            for table in ("fct_transactions", "_publish")
        }
    only = blocks["fct_transactions"] - blocks["_publish"]
    if not only:
        pytest.fail(f"the rows lie in the blocks of _publish: {blocks}")
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    start = 3 * 4096 + min(only) * 262144
    data[start : start + 262144] = bytes(reversed(data[start : start + 262144]))
    file.write_bytes(data)
    run(settings, "update marts.fct_transactions set net_amount = 1")
    changes = compare(settings, marts(tmp_path))
    assert changes.problem == f"{file} has been changed since it was published"
    assert publish(settings, "run-2", AS_OF, marts(tmp_path)).unchanged is False


def test_marts_that_publishing_would_refuse_are_refused(tmp_path: Path) -> None:
    settings = published(tmp_path)
    run(settings, "drop table marts.customer_tiers_monthly")
    with pytest.raises(PublishError, match=r"no table marts\.customer_tiers_monthly"):
        compare(settings, marts(tmp_path))
