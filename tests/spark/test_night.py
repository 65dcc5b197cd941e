"""The same history on both engines: loaded, built, fitted, validated and published, with the same marts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.publish import current
from pipelines.quoting import ident
from pipelines.settings import PROJECT_DIR
from pipelines.warehouse import ledger
from tests.soak.purity.ways import World, corrected, from_scratch

from .parity import attached, differences
from .sessions import SPARK

sys.path.append(str(PROJECT_DIR / "tests" / "purity"))
from one_history import one_history

pytestmark = pytest.mark.usefixtures("session", "with_few_checks")


@pytest.fixture(scope="module")
def duckdbs(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The history's final files, loaded and built by DuckDB."""
    world = World(tmp_path_factory.mktemp("duckdb"), one_history())
    world.go(from_scratch)
    return world


@pytest.fixture(scope="module")
def sparks(tmp_path_factory: pytest.TempPathFactory, session: Any) -> World:
    """The same by Spark, on a way with corrections, late and emptied dates: stale dates are made anew among the others."""
    world = World(tmp_path_factory.mktemp("spark"), one_history(), engine=SPARK)
    world.go(corrected)
    return world


def marts_differ(one: Path, other: Path) -> list[str]:
    with attached(one, other) as connection:
        return differences(connection, mart_contracts().values())


def test_every_mart_is_the_same_row_by_row(duckdbs: World, sparks: World) -> None:
    assert marts_differ(duckdbs.settings.warehouse, sparks.settings.warehouse) == []
    with duckdb.connect(str(sparks.settings.warehouse), read_only=True) as connection:
        partial = connection.execute(
            "SELECT count(*) FROM ops.steps WHERE step = 'build' AND detail LIKE '%\"refresh\": \"stale dates\"%'"
        ).fetchone()
    assert partial is not None
    assert partial[0] > 0, "no build of the way made stale dates alone"


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
        connection.execute(change.format(t='"other marts".fct_transactions'))
        (found,) = differences(connection, [mart_contracts()["fct_transactions"]])
    assert said in found


def test_every_stage_is_validated_on_what_spark_wrote_and_the_night_is_published(
    duckdbs: World, sparks: World
) -> None:
    settings, as_of = sparks.settings, sparks.history.as_of
    run_id = ledger.new_run_id("night", as_of)
    steps.start(settings, run_id, "night", as_of)
    for stage in ("raw", "staging", "marts"):
        assert steps.validate(settings, run_id, stage, None, None)["expectations"] > 0
    steps.publish(settings, run_id, as_of)
    night = current(settings)
    assert night is not None
    with attached(duckdbs.settings.warehouse, duckdbs.settings.warehouse) as connection:
        connection.execute(f"ATTACH '{night.path}' AS served (READ_ONLY)")
        for name in mart_contracts():
            connection.execute(
                f'CREATE OR REPLACE TABLE "other marts".{ident(name)} AS FROM served.main.{ident(name)}'
            )
        assert differences(connection, mart_contracts().values()) == []


@pytest.fixture
def parquet(sparks: World) -> Iterator[Path]:
    """The folder of the published Parquet files, as its pointer names it."""
    return (sparks.settings.serving / "parquet" / "current").resolve()


def test_spark_reads_the_published_parquet_version(session: Any, sparks: World, parquet: Path) -> None:
    night = current(sparks.settings)
    assert night is not None
    for name, table in night.tables.items():
        assert session.read.parquet(str(parquet / f"{name}.parquet")).count() == table.row_count
