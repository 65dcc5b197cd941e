"""The same history on both engines: loaded, built, fitted, validated and published, with the same marts."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.publish import current
from pipelines.quoting import ident
from pipelines.settings import PROJECT_DIR
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.spark import manifest
from tests.soak.purity.histories import History, Round
from tests.soak.purity.judge import tables
from tests.soak.purity.ways import World, from_scratch

from .parity import attached, differences
from .sessions import SPARK

sys.path.append(str(PROJECT_DIR / "tests" / "purity"))
from one_history import one_history

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("session", "with_few_checks")]


FIRST_AGGREGATION = (
    "fct_transactions",
    "int_customer_days",
    "int_customer_category_months",
    "int_anonymous_months",
)


def history() -> History:
    """The history of everything awkward, without soft landing: each month of that is a job of Spark's, see `make soak`."""
    found = one_history()
    kept = tuple(
        (name, value) for name, value in found.settings if name not in ("soft_landing", "grace_months")
    )
    return dataclasses.replace(found, settings=kept)


@pytest.fixture(scope="module")
def duckdbs(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The history's final files, loaded and built by DuckDB."""
    world = World(tmp_path_factory.mktemp("duckdb"), history())
    world.go(from_scratch)
    return world


@pytest.fixture(scope="module")
def sparks(tmp_path_factory: pytest.TempPathFactory, session: Any) -> World:
    """The same by Spark."""
    world = World(tmp_path_factory.mktemp("spark"), history(), engine=SPARK)
    world.go(from_scratch)
    return world


def marts_differ(one: Path, other: Path) -> list[str]:
    with attached(one, other) as connection:
        return differences(connection, mart_contracts().values())


def test_every_mart_is_the_same_row_by_row(duckdbs: World, sparks: World) -> None:
    assert marts_differ(duckdbs.settings.warehouse, sparks.settings.warehouse) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE {t} SET profit_amount = profit_amount + 0.01 WHERE transaction_id = 't4'", "profit_amount: 1 rows differ"),
        ("DELETE FROM {t} WHERE transaction_id = 't4'", "1 rows are only in the first"),
        ("INSERT INTO {t} SELECT * REPLACE ('other' AS transaction_id) FROM {t} LIMIT 1", "1 only in the second"),
        ("ALTER TABLE {t} ALTER quantity TYPE DECIMAL(20,3)", "quantity is"),
    ],
)  # fmt: skip
def test_the_comparison_sees_a_single_value(duckdbs: World, change: str, said: str) -> None:
    with attached(duckdbs.settings.warehouse, duckdbs.settings.warehouse) as connection:
        mart = '"other marts".fct_transactions'
        connection.execute(f"CREATE TEMP TABLE changed AS FROM {mart}")
        connection.execute(change.format(t="changed"))
        connection.execute(f"CREATE OR REPLACE VIEW {mart} AS FROM temp.changed")
        (found,) = differences(connection, [mart_contracts()["fct_transactions"]])
    assert said in found


def test_every_stage_is_validated_on_what_spark_wrote_and_the_night_is_published(
    duckdbs: World, sparks: World
) -> None:
    settings, as_of = sparks.settings, sparks.history.as_of
    run_id = ledger.new_run_id("night", as_of)
    steps.start(settings, run_id, "night", as_of)
    for stage in ("raw", "staging", "marts"):
        assert steps.validate(settings, run_id, stage, None, None)["passed"] > 0
    steps.publish(settings, run_id, as_of)
    night = current(settings)
    assert night is not None
    with attached(duckdbs.settings.warehouse, duckdbs.settings.warehouse) as connection:
        connection.execute(f"ATTACH '{night.path}' AS served (READ_ONLY)")
        for name in mart_contracts():
            connection.execute(
                f'CREATE OR REPLACE VIEW "other marts".{ident(name)} AS FROM served.main.{ident(name)}'
            )
        assert differences(connection, mart_contracts().values()) == []


@pytest.fixture
def parquet(sparks: World) -> Path:
    """The folder of the published Parquet files, as its pointer names it."""
    return (sparks.settings.serving / "parquet" / "current").resolve()


def test_what_is_a_view_to_dbt_has_its_rows_for_the_next_command(duckdbs: World, sparks: World) -> None:
    """The catalogue ends with a command, and the views of it; what a model of the next one reads must not be empty."""
    both = [tables(world.settings.warehouse) for world in (duckdbs, sparks)]
    counts = [{name: len(rows) for name, (_, rows) in found.items()} for found in both]
    assert counts[0] == counts[1]


def test_spark_reads_the_published_parquet_version(session: Any, sparks: World, parquet: Path) -> None:
    night = current(sparks.settings)
    assert night is not None
    for name, table in night.tables.items():
        assert session.read.parquet(str(parquet / f"{name}.parquet")).count() == table.row_count


# The last of the file: the marts of the two worlds are half made after it.
def test_stale_dates_alone_are_made_anew_as_duckdb_makes_them(duckdbs: World, sparks: World) -> None:
    landed = [p for p in sparks.history.final if p.dataset == "transactions"]
    gone, corrected = landed[0], landed[1]
    files = dict(sparks.history.final[corrected] or {})
    name, rows = next(iter(files.items()))
    changes = {gone: None, corrected: {**files, name: rows[:-1]}}
    for world in (duckdbs, sparks):
        world.take(Round(changes, is_removing=True))
        run_id = ledger.new_run_id("build", world.history.as_of)
        steps.start(world.settings, run_id, "build", world.history.as_of)
        # Without their tests, which look at marts that are not made anew here.
        models = f"{' '.join(FIRST_AGGREGATION)} --exclude resource_type:test"
        done = steps.build_selected(world.settings, run_id, models)
        assert done["models"] == len(FIRST_AGGREGATION)
    with closing(connect(sparks.settings, read_only=True)) as connection:
        facts = manifest.entries(connection, ("marts", "fct_transactions"))
    assert len({entry.path.split("/")[2] for entry in facts}) == 2, "all was made anew, or nothing"
    kept = tables(duckdbs.settings.warehouse), tables(sparks.settings.warehouse)
    for table in FIRST_AGGREGATION:
        (name,) = (n for n in kept[0] if n.endswith(f".{table}"))
        columns, rows = kept[0][name]
        others, more = kept[1][name]
        assert sorted(columns) == sorted(others)
        places = [others.index(column) for column in columns]
        assert Counter(rows) == Counter(tuple(row[n] for n in places) for row in more), name
