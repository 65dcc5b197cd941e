"""Every model is written so that it also runs on Spark, gives the same figures there, and is worked out once.

Each model and singular test is compiled as dbt compiles it for DuckDB, but with every dispatched macro taking
its Spark version, and the outcome is parsed as Spark SQL without translation. That proves that no DuckDB syntax
and no function that Spark lacks stands in a model; it does not prove equal figures, which only a run on Spark can.
Where figures are known to differ there is a macro, and nothing may go past it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.clients.jinja import MacroGenerator
from dbt.context.providers import BaseDatabaseWrapper
from dbt_warehouse import DBT_PROJECT, Warehouse
from portability import (
    MARK,
    complaints,
    decimal_quotients,
    rounded_doubles,
    teach_exactness,
    worked_out_twice,
)
from shortening import soak

from pipelines.contracts.seeds import SEEDS, seed_types

DAY = "2017-03-31"
HOLDING = {"soft_landing": True, "grace_months": 2}

ALLOWED = {
    "customer_value.expected": "a row per customer, joined by key; referrers need what the referred bring",
    "int_customer_earnings.to_date": "a window over all customers would bring them into one place instead",
    "int_customer_held_tiers.assessed": "not cheap on Spark; only with grace months or soft landing",
    "int_customer_held_tiers.ranked": "the same: a fold needs the next month at each step",
    "int_customer_held_tiers.spelled": "the same",
    "int_retention_spells.ended": "few lapses, and the spells that end and go on must both know them",
    "int_offer_neighbours.products": "a row per product, for either end of a pair",
    "int_tier_retentions.members": "a few sums per customer, whose residuals need the totals first",
    "int_tier_retentions.totals": "a row per tier; what they rest on is said above",
    "int_wallet_benchmarks.cells": "a few columns of the peers, few rows when distinct",
    "int_wallet_peers.cells": "few rows, one per combination of attributes",
    "int_wallet_peers.described": "a row per customer, joined by key",
    "revenue_retention_monthly.covered_months": "a row per month",
    "stg_customer_merges.links": "once to begin with and once per link of the longest chain; a table on Spark",
}
"""What has work in it and is named twice in a model all the same, and why it may be."""

CALL = MacroGenerator.call_macro


@dataclass
class Compiled:
    """The SQL of models and singular tests, by name."""

    sql: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    """Their file within the project."""
    views: dict[str, str] = field(default_factory=dict)
    """The SQL of the models that are views."""
    schemas: dict[str, str] = field(default_factory=dict)
    """The models' schemas, in the order in which they can be built."""


def marking(macro: MacroGenerator, *arguments: Any, **named: Any) -> Any:
    """Calls a macro of dbt's, and marks what `to_decimal` makes."""
    made = CALL(macro, *arguments, **named)
    return f"{MARK}({made})" if macro.get_name() == "default__to_decimal" else made


def compiled(warehouse: Warehouse, engine: str, **variables: object) -> Compiled:
    """All that dbt compiles, with the dispatched macros of that engine."""
    with pytest.MonkeyPatch.context() as patched:
        # What dbt itself asks of the warehouse, such as whether a table is there, goes on in DuckDB's words.
        prefixes = [engine, "duckdb", "default"]
        patched.setattr(BaseDatabaseWrapper, "_get_adapter_macro_prefixes", lambda _: prefixes)
        patched.setattr(MacroGenerator, "call_macro", marking)
        result = warehouse.dbt("compile", "--no-populate-cache", as_of_date=DAY, **variables)
    assert result.success, result.exception
    found = Compiled()
    parents: dict[str, list[str]] = {}
    schemas: dict[str, str] = {}
    for node in (item.node for item in result.result.results):
        if node.resource_type not in ("model", "test") or not node.original_file_path.endswith(".sql"):
            continue
        sql = node.compiled_code
        if engine == "spark":
            # How an engine quotes a table's name is the adapter's part, not the model's.
            sql = re.sub(r'"(\w+)"\."(\w+)"\."(\w+)"', r"`\1`.`\2`.`\3`", sql)
        found.sql[node.name], found.paths[node.name] = sql, node.original_file_path
        if node.resource_type == "model":
            schemas[node.name] = node.schema
            parents[node.name] = [
                parent.rpartition(".")[2] for parent in node.depends_on.nodes if parent.startswith("model.")
            ]
            if node.config.materialized == "view":
                found.views[node.name] = sql
    found.schemas = {
        name: schemas[name] for name in TopologicalSorter(parents).static_order() if name in schemas
    }
    return found


@pytest.fixture(scope="module")
def bare(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    return make_warehouse("bare")


@pytest.fixture(scope="module", params=[{}, soak(HOLDING)], ids=["earned tiers", "held tiers"])
def for_spark(bare: Warehouse, request: pytest.FixtureRequest) -> Compiled:
    return compiled(bare, "spark", **request.param)


@pytest.fixture(scope="module")
def for_duckdb(bare: Warehouse) -> Compiled:
    return compiled(bare, "duckdb")


@pytest.fixture(scope="module")
def judge(bare: Warehouse, for_duckdb: Compiled) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a warehouse of empty tables, which can tell a double from a decimal."""
    with duckdb.connect(str(bare.path)) as connection:
        teach_exactness(connection)
        connection.execute("create schema seeds")
        for seed in SEEDS:
            types = ", ".join(f"{column} {type_}" for column, type_ in seed_types(seed, 2).items())
            connection.execute(f"create table seeds.{seed} ({types})")
        for name, schema in for_duckdb.schemas.items():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{name} as from ({for_duckdb.sql[name]}) limit 0")
        yield connection


def test_every_model_parses_as_spark_sql(for_spark: Compiled) -> None:
    files = {
        str(path.relative_to(DBT_PROJECT))
        for folder in ("models", "tests")
        for path in Path(DBT_PROJECT / folder).rglob("*.sql")
    }
    assert files
    assert files - set(for_spark.paths.values()) == set()
    assert {name: said for name, sql in for_spark.sql.items() if (said := complaints(sql))} == {}


def test_doubles_become_decimals_by_the_macro_alone(
    for_duckdb: Compiled, judge: duckdb.DuckDBPyConnection
) -> None:
    found = {name: said for name, sql in for_duckdb.sql.items() if (said := rounded_doubles(judge, sql))}
    assert found == {}
    assert any(MARK in sql for sql in for_duckdb.sql.values())


def test_quotients_and_averages_are_of_doubles(
    for_duckdb: Compiled, judge: duckdb.DuckDBPyConnection
) -> None:
    found = {name: said for name, sql in for_duckdb.sql.items() if (said := decimal_quotients(judge, sql))}
    assert found == {}


def test_nothing_is_worked_out_twice_but_what_is_listed(for_spark: Compiled) -> None:
    assert for_spark.views
    found = {
        f"{name}.{twice}"
        for name in for_spark.schemas
        for twice in worked_out_twice(for_spark.sql[name], for_spark.views)
    }
    assert found == {each for each in ALLOWED if each.partition(".")[0] not in for_spark.views}
