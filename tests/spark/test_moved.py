"""A lake that is moved, mounted or copied, without Spark: readers find its rows, or are told where to look."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import EngineError
from pipelines.forget.compact import compact
from pipelines.settings import Settings
from pipelines.warehouse.connection import LAKE, attach_warehouse, connect, restrict, transaction
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.spark import lake
from pipelines.warehouse.spark.lake import Lake

from .lakes import FOLDERS, fill, seen

ODD = "O'Brien, 100%d [a]* #1"


@pytest.fixture
def deployment(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "one", engine="spark")
    fill(settings, "one")
    return settings


def test_a_deployment_that_is_moved_reads_its_rows_at_once(deployment: Settings, tmp_path: Path) -> None:
    deployment.home.rename(tmp_path / ODD)
    assert seen(Settings(home=tmp_path / ODD, engine="spark")) == ["one", "one"]


def test_a_lake_that_is_moved_alone_is_found_by_its_setting(deployment: Settings, tmp_path: Path) -> None:
    Path(deployment.lake).rename(tmp_path / "elsewhere")
    moved = deployment.model_copy(update={"lake_dir": str(tmp_path / "elsewhere")})
    assert seen(moved) == ["one", "one"]


def test_a_copy_beside_the_original_reads_its_own_rows(deployment: Settings, tmp_path: Path) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    two = Settings(home=tmp_path / "two", engine="spark")
    for file in FOLDERS.values():
        (Path(two.lake) / file).unlink()
        duckdb.execute(f"COPY (SELECT 'two' AS id) TO '{two.lake}/{file}' (FORMAT parquet)")
    assert (seen(deployment), seen(two)) == (["one", "one"], ["two", "two"])


def test_rows_are_found_behind_the_wall_and_by_whoever_attaches_the_file(deployment: Settings) -> None:
    with closing(connect(deployment, read_only=True)) as connection:
        restrict(connection, engine_of(deployment).places(deployment))
        assert connection.execute("SELECT id FROM raw.sales").fetchall() == [("one",)]
    with closing(connect(deployment, Path(":memory:"))) as connection:
        attach_warehouse(deployment, connection, "w")
        assert connection.execute("SELECT id FROM w.marts.dim").fetchall() == [("one",)]


def test_a_file_that_is_written_anew_finds_them_too(deployment: Settings, tmp_path: Path) -> None:
    compact(deployment)
    deployment.home.rename(tmp_path / "two")
    assert seen(Settings(home=tmp_path / "two", engine="spark")) == ["one", "one"]


def test_a_reader_of_its_own_says_where_the_lake_is(deployment: Settings) -> None:
    with duckdb.connect(str(deployment.warehouse), read_only=True) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute("FROM marts.dim")
        connection.execute(f"SET VARIABLE {LAKE} = '{deployment.lake}'")
        assert connection.execute("FROM marts.dim").fetchall() == [("one",)]


def test_a_lake_that_is_not_there_is_told_with_the_ways_out(deployment: Settings, tmp_path: Path) -> None:
    Path(deployment.lake).rename(tmp_path / "elsewhere")
    with (
        pytest.raises(EngineError, match=r"MAINSTAY_LAKE_DIR.*mainstay rebuild"),
        database_errors(deployment),
    ):
        seen(deployment)


@pytest.mark.parametrize("gone", ["raw/sales/partition_date=2024-01-01/a", "marts/dim/v1"])
def test_nothing_is_built_where_a_folder_that_counts_is_gone(deployment: Settings, gone: str) -> None:
    Lake.of(deployment).remove([gone])
    with (
        pytest.raises(EngineError, match=rf"{gone}\)\. Mount the lake"),
        engine_of(deployment).building(deployment, []),
    ):
        pass


def test_what_a_lake_holds_is_on_the_disk_before_it_counts(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that cannot take what was written says so at last: the transaction ends as if nothing had been changed."""

    def is_full(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    with closing(connect(deployment)) as connection:
        with monkeypatch.context() as patched:
            patched.setattr(lake, "sync_disk", is_full)
            with (
                pytest.raises(OSError, match="No space"),
                transaction(connection),
                engine_of(deployment).changing(connection, deployment, ("raw", "sales")) as name,
            ):
                connection.execute(f"UPDATE {name} SET id = 'changed'")
        assert connection.execute("SELECT id FROM raw.sales").fetchall() == [("one",)]
        with (
            transaction(connection),
            engine_of(deployment).changing(connection, deployment, ("raw", "sales")) as name,
        ):
            connection.execute(f"UPDATE {name} SET id = 'changed'")
        assert connection.execute("SELECT id FROM raw.sales").fetchall() == [("changed",)]
