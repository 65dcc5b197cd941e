"""The lake and its manifest, without Spark: what counts is seen, what does not is swept away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import EngineError, SettingsError, WarehouseDamagedError
from pipelines.load.tables import create_tables
from pipelines.settings import Settings, load_settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.machine import look_at_lake
from pipelines.warehouse.spark.manifest import Entry

TABLE = ("raw", "sales")
COLUMNS = [("id", "VARCHAR"), ("amount", "DECIMAL(18,2)"), ("partition_date", "DATE"), ("shop", "VARCHAR")]
FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)


@pytest.fixture
def deployment(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, engine="spark")


@pytest.fixture
def connection(deployment: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect(deployment)) as opened:
        opened.execute(ledger.DDL)
        yield opened


def written(lake: Lake, day: date, attempt: str, select: str) -> Entry:
    """A partition as a task leaves it."""
    path = f"raw/sales/partition_date={day}/{attempt}"
    folder = Path(lake.path(path))
    folder.mkdir(parents=True)
    duckdb.execute(f"COPY ({select}) TO '{folder}/rows.parquet' (FORMAT parquet)")
    names = duckdb.execute(f"DESCRIBE ({select})").fetchall()
    return Entry(
        *TABLE, path, day, [[name, type_, type_.lower()] for name, type_, *_ in names], "partition_date"
    )


def shown(connection: duckdb.DuckDBPyConnection, deployment: Settings) -> list[tuple[object, ...]]:
    manifest.show(connection, deployment, Lake.of(deployment), TABLE, COLUMNS)
    return connection.execute("SELECT * FROM raw.sales ORDER BY id").fetchall()


def test_only_what_the_manifest_names_is_seen(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    assert shown(connection, deployment) == []
    counts = written(lake, FIRST, "a", "SELECT 'x' AS id, 1.50::DECIMAL(18,2) AS amount, 'S1' AS shop")
    written(lake, FIRST, "twice", "SELECT 'x' AS id, 1.50::DECIMAL(18,2) AS amount, 'S1' AS shop")
    manifest.add(connection, [counts])
    assert [row[:1] + row[2:] for row in shown(connection, deployment)] == [("x", FIRST, "S1")]


def test_where_one_file_is_read_the_last_date_is_said(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    """DuckDB 1.5.5 fails in its own optimizer where it has one file and a partition's column; and no other file is read."""
    last = "SELECT count(*), max(partition_date), min(partition_date) FROM raw.sales"
    of_first = f"{last} WHERE partition_date = DATE '{FIRST}'"
    manifest.add(connection, [written(Lake.of(deployment), FIRST, "a", "SELECT 'x' AS id")])
    assert [row[0] for row in shown(connection, deployment)] == ["x"]
    assert connection.execute(last).fetchall() == [(1, FIRST, FIRST)]
    manifest.add(connection, [written(Lake.of(deployment), SECOND, "b", "SELECT 'y' AS id")])
    assert [row[2] for row in shown(connection, deployment)] == [FIRST, SECOND]
    assert connection.execute(of_first).fetchall() == [(1, FIRST, FIRST)]
    ((_, plan),) = connection.execute(f"EXPLAIN {of_first}").fetchall()
    assert "1/2" in plan


def test_a_partition_written_before_a_column_was_known_has_none_in_it(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    old = written(lake, FIRST, "a", "SELECT 'x' AS id, 1.50::DECIMAL(18,2) AS amount")
    new = written(lake, SECOND, "b", "SELECT 'y' AS id, 2.50::DECIMAL(18,2) AS amount, 'S1' AS shop")
    manifest.add(connection, [new, old])
    assert [(row[0], row[2], row[3]) for row in shown(connection, deployment)] == [
        ("x", FIRST, None),
        ("y", SECOND, "S1"),
    ]


def test_a_partition_takes_the_place_of_another_in_one_transaction(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    one = "SELECT 'x' AS id, 1.50::DECIMAL(18,2) AS amount, 'S1' AS shop"
    old, new, other = (
        written(lake, FIRST, "a", one),
        written(lake, FIRST, "b", one.replace("x", "z")),
        written(lake, SECOND, "c", one.replace("x", "y")),
    )
    manifest.add(connection, [old, other])
    connection.execute("BEGIN")
    gone = manifest.drop(connection, TABLE, [FIRST])
    manifest.add(connection, [new])
    assert [row[0] for row in shown(connection, deployment)] == ["y", "z"]
    connection.execute("ROLLBACK")
    assert gone == [old.path]
    assert [row[0] for row in shown(connection, deployment)] == ["x", "y"]


def test_the_sweep_takes_what_does_not_count_and_nothing_else(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    one = "SELECT 'x' AS id"
    counts = written(lake, FIRST, "a", one)
    written(lake, FIRST, "left", one)
    written(lake, SECOND, "left", one)
    marts = Entry("marts", "dim_tiers", "marts/dim_tiers/v2")
    contested = Entry("raw", "sales__contested", "raw/sales__contested/k")
    for path in (
        marts.path,
        "marts/dim_tiers/v1",
        "marts/gone/v1",
        contested.path,
        "raw/sales__contested/left",
        "lent/x/y",
    ):
        Path(lake.path(path)).mkdir(parents=True)
        (Path(lake.path(path)) / "rows.parquet").write_bytes(b"")
    manifest.add(connection, [counts, marts, contested])
    manifest.sweep(connection, lake)
    left = sorted(str(p.parent.relative_to(lake.root)) for p in Path(lake.root).rglob("*.parquet"))
    assert left == [marts.path, counts.path, contested.path]
    assert not [p for p in Path(lake.root).rglob("*") if p.is_dir() and not any(p.iterdir())], (
        "nor names alone"
    )


def test_the_copy_for_other_readers_is_whole_and_says_what_counts(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    entry = written(lake, FIRST, "a", "SELECT 'x' AS id")
    manifest.add(connection, [entry])
    manifest.write_copy(connection, lake)
    said = json.loads(Path(lake.path(manifest.FILE)).read_text())
    assert said["tables"]["raw.sales"]["paths"] == [entry.path]
    assert said["tables"]["raw.sales"]["partitioned_by"] == "partition_date"
    assert {p.name for p in Path(lake.root).iterdir() if p.is_file()} == {manifest.FILE, LAKE_MARK}


def test_the_lake_is_for_its_owner_alone_and_its_name_is_a_name(tmp_path: Path) -> None:
    odd = tmp_path / "O'Brien 100%d [a]* #1"
    odd.mkdir()
    lake = Lake.of(Settings(home=odd, engine="spark"))
    lake.write_json("x.json", {"a": 1})
    assert json.loads((odd / "var" / "lake" / "x.json").read_text()) == {"a": 1}
    assert (odd / "var" / "lake").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("home", ["store_id=7", "a/store_id=7/b"])
def test_no_lake_lies_where_readers_would_see_another_partition(tmp_path: Path, home: str) -> None:
    """DuckDB would give each row the `store_id` of the path, in place of its own."""
    odd = Settings(home=tmp_path / home, engine="spark")
    with pytest.raises(SettingsError, match=r"MAINSTAY_LAKE_DIR: .*the part store_id=7.*without ="):
        Lake.of(odd)
    assert not odd.var.exists()
    assert Lake.of(odd.model_copy(update={"lake_dir": str(tmp_path / "lake")})).folder == tmp_path / "lake"


@pytest.mark.parametrize("master", ["spark://host:7077", "sc://host:15002"])
def test_a_cluster_is_told_of_no_lake_whose_name_could_be_more(tmp_path: Path, master: str) -> None:
    odd = Settings(home=tmp_path / "100% #1", engine="spark", spark_master=master)
    with pytest.raises(SettingsError, match=r"MAINSTAY_LAKE_DIR: .*100% #1/var/lake has signs"):
        Lake.of(odd)
    assert not odd.var.exists()
    ((state, _, said),) = look_at_lake(odd)
    assert (state, "has signs" in said) == ("problem", True)
    assert Lake.of(odd.model_copy(update={"lake_dir": str(tmp_path / "lake")})).folder == tmp_path / "lake"


@pytest.mark.parametrize("first", ["duckdb", "spark"])
def test_a_warehouse_of_the_other_engine_is_refused_with_the_way_out(tmp_path: Path, first: str) -> None:
    second = "duckdb" if first == "spark" else "spark"
    for name in (first, second):
        settings = Settings(home=tmp_path, engine=name)
        with closing(connect(settings)) as connection:
            connection.execute(ledger.DDL)
            connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
            if name == first:
                engine_of(settings).keep_tables(connection, settings, {TABLE: COLUMNS})
                continue
            with pytest.raises(WarehouseDamagedError, match=f"MAINSTAY_ENGINE={first}.*mainstay rebuild"):
                create_tables(connection, settings)
        if name == second:
            with (
                pytest.raises(WarehouseDamagedError, match="mainstay rebuild"),
                engine_of(settings).building(settings, []),
            ):
                pass


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SPARK_MASTER", "local[0]", "none of local"),
        ("SPARK_MASTER", "http://host", "none of local"),
        ("SPARK_MASTER", "sc://host:15002/;token=abc", "holds a token"),
        ("SPARK_CONF", '{"spark.hadoop.fs.s3a.secret.key": "abc"}', "looks like a credential"),
        ("SPARK_CONF", '{"executor.memory": "4g"}', "no setting of Spark"),
        ("LAKE_DIR", "ftp://host/path", "neither a folder nor an address"),
        ("SPARK_TASK_MEMORY", "much", "match pattern"),
        ("ENGINE", "flink", "duckdb"),
    ],
)
def test_a_wrong_setting_is_said_and_no_secret_with_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"MAINSTAY_{name}", value)
    with pytest.raises(SettingsError, match=words) as refused:
        load_settings()
    assert f"MAINSTAY_{name}" in str(refused.value)
    assert "abc" not in str(refused.value)


def test_of_a_built_table_single_partitions_are_taken_over_and_old_ones_swept(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake, facts = Lake.of(deployment), ("marts", "facts")
    columns = [["id", "VARCHAR", "string"], ["business_date", "DATE", "date"]]

    def built(version: str, day: date, value: str) -> Entry:
        path = f"marts/facts/{version}/business_date={day}"
        Path(lake.path(path)).mkdir(parents=True)
        duckdb.execute(
            f"COPY (SELECT '{value}' AS id) TO '{lake.path(path)}/part-0.parquet' (FORMAT parquet)"
        )
        return Entry(*facts, path, day, columns, "business_date")

    def seen() -> list[tuple[object, ...]]:
        wanted = [(name, duckdbs) for name, duckdbs, _ in columns]
        manifest.show(connection, deployment, lake, facts, wanted)
        return connection.execute("SELECT id, business_date FROM marts.facts ORDER BY id").fetchall()

    first, second, anew = built("v1", FIRST, "a"), built("v1", SECOND, "b"), built("v2", SECOND, "c")
    manifest.add(connection, [first, second])
    assert seen() == [("a", FIRST), ("b", SECOND)]
    manifest.drop(connection, facts)
    manifest.add(connection, [first, anew])
    assert seen() == [("a", FIRST), ("c", SECOND)]
    manifest.sweep(connection, lake)
    assert not Path(lake.path(second.path)).exists()
    assert seen() == [("a", FIRST), ("c", SECOND)]
    manifest.drop(connection, facts)
    assert seen() == []


@pytest.mark.parametrize("place", ["", "landing", "landing/deeper", "serving", "warehouse"])
def test_no_other_folder_of_the_deployment_can_be_a_lake(tmp_path: Path, place: str) -> None:
    settings = Settings(home=tmp_path, engine="spark", lake_dir=str(tmp_path / "var" / place))
    with pytest.raises(SettingsError, match="a folder of its own"):
        Lake.of(settings)


def test_a_folder_with_files_of_others_is_no_lake_and_keeps_them(tmp_path: Path) -> None:
    photo = tmp_path / "mine" / "2024" / "january" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a")
    settings = Settings(home=tmp_path, engine="spark", lake_dir=str(tmp_path / "mine"))
    with pytest.raises(SettingsError, match="none of a lake's"):
        Lake.of(settings)
    assert photo.exists()


def test_the_sweep_leaves_what_others_laid_into_a_lake(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    photo = Path(lake.path("photos/2024/january/a.jpg"))
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a")
    manifest.sweep(connection, lake)
    assert photo.exists()


def test_a_view_of_files_that_are_gone_says_what_to_do(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = Lake.of(deployment)
    entry = Entry("marts", "dim", "marts/dim/v1", None, [["id", "VARCHAR", "string"]])
    Path(lake.path(entry.path)).mkdir(parents=True)
    duckdb.execute(f"COPY (SELECT 'x' AS id) TO '{lake.path(entry.path)}/p.parquet' (FORMAT parquet)")
    manifest.add(connection, [entry])
    manifest.show(connection, deployment, lake, ("marts", "dim"), [("id", "VARCHAR")])
    lake.remove([entry.path])
    with pytest.raises(EngineError, match="mainstay rebuild"), database_errors(deployment):
        connection.execute("SELECT * FROM marts.dim").fetchall()
