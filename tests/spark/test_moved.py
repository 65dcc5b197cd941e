"""A lake that is moved, mounted, copied or set aside, without Spark: readers find its rows, or are told where to look."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import EngineError, MainstayError, SettingsError
from pipelines.forget.compact import compact
from pipelines.forget.traces import erase_traces
from pipelines.settings import Settings
from pipelines.warehouse import aside
from pipelines.warehouse.aside import NOTE, set_aside
from pipelines.warehouse.connection import LAKE, attach_warehouse, connect, restrict, transaction
from pipelines.warehouse.engine import ASIDE, LAKE_MARK
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


def test_a_copy_that_names_the_lake_of_the_original_is_sent_away_before_it_removes_its_rows(
    deployment: Settings, tmp_path: Path
) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    two = Settings(home=tmp_path / "two", engine="spark", lake_dir=deployment.lake)
    with pytest.raises(
        SettingsError, match=r"is the lake of .*one/var/warehouse/mainstay\.duckdb, and each would"
    ):
        Lake.of(two)
    deployment.warehouse.rename(tmp_path / "old")
    assert Lake.of(two).root == deployment.lake, "nobody else's any more"
    (tmp_path / "old").rename(deployment.warehouse)
    with pytest.raises(SettingsError, match=r"is the lake of .*two/var/warehouse"):
        Lake.of(deployment)


def test_a_deployment_by_another_name_has_the_same_lake(deployment: Settings, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(deployment.home)
    assert Lake.of(Settings(home=tmp_path / "link", engine="spark")).folder is not None
    assert Lake.of(deployment).folder is not None


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


def there(settings: Settings) -> set[str]:
    """Files with rows, relative to the lake."""
    return {str(path.relative_to(settings.lake)) for path in Path(settings.lake).rglob("*.parquet")}


def test_rows_go_aside_within_their_lake_which_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    (tmp_path / "one" / "var").mkdir(parents=True)
    (tmp_path / "one" / "var" / "lake").symlink_to(tmp_path / "disk")
    settings = Settings(home=tmp_path / "one", engine="spark")
    fill(settings, "one")
    file, rows = set_aside(settings)
    assert there(settings) == {f"{rows.name}/{path}" for path in FOLDERS.values()}
    assert {p.name for p in (tmp_path / "disk").iterdir()} == {"lost+found", LAKE_MARK, rows.name}
    assert rows.name == f"{ASIDE}{file.name.partition(ASIDE)[2]}"
    assert not settings.warehouse.with_name(NOTE).exists()
    fill(settings, "new")
    assert seen(settings) == ["new", "new"]
    file.rename(settings.warehouse)
    assert seen(settings.model_copy(update={"lake_dir": str(rows)})) == ["one", "one"]
    assert set_aside(settings.model_copy(update={"engine": "duckdb"})) != []


def test_an_erasure_removes_what_is_aside_and_a_lake_that_is_used_no_more(
    deployment: Settings, tmp_path: Path
) -> None:
    set_aside(deployment)
    fill(deployment, "new")
    erase_traces(deployment)
    assert there(deployment) == set(FOLDERS.values())
    Path(deployment.lake).rename(tmp_path / "disk")
    Path(deployment.lake).symlink_to(tmp_path / "disk")
    erase_traces(deployment.model_copy(update={"engine": "duckdb"}))
    assert [p.name for p in (tmp_path / "disk").iterdir()] == [LAKE_MARK]


class Killed(BaseException):
    """What a kill is, as far as the files can tell."""


@pytest.mark.parametrize("renames", range(5))
def test_killed_between_two_renames_the_rest_follows_under_the_same_name(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    deployment.warehouse.with_name("mainstay.duckdb.wal").write_bytes(b"")
    rename, done = Path.rename, 0

    def or_die(path: Path, target: Path) -> Path:
        nonlocal done
        if done == renames:
            raise Killed
        done += 1
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", or_die)
        with pytest.raises(Killed):
            set_aside(deployment)
    later = datetime(2099, 1, 1)  # noqa: DTZ001
    monkeypatch.setattr(aside, "datetime", type("Later", (), {"now": lambda tz: later}))
    file, rows = set_aside(deployment)
    assert "2099" not in file.name
    assert there(deployment) == {f"{rows.name}/{path}" for path in FOLDERS.values()}
    assert sorted(p.name for p in deployment.warehouse.parent.glob("mainstay*")) == [
        file.name,
        f"{file.name}.wal",
    ]
    fill(deployment, "new")
    again, _ = set_aside(deployment)
    assert "2099" in again.name, "what is done is done"


def test_a_lake_that_was_loaded_into_before_it_is_taken_up_loses_nothing(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(settings: Settings, warehouse: Path) -> list[Path]:
        engine_of(settings).set_aside(settings, "20240101T000000Z")
        warehouse.with_name(NOTE).write_text("20240101T000000Z")
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(aside, "_set_aside", die)
        with pytest.raises(Killed):
            set_aside(deployment)
    left = Path(deployment.lake) / FOLDERS["raw", "sales"]
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    _, rows = set_aside(deployment)
    assert {str(p.relative_to(rows)) for p in rows.rglob("*.parquet")} == {
        *FOLDERS.values(),
        FOLDERS["raw", "sales"].replace("raw/", "raw-again/", 1),
    }


def test_what_cannot_be_renamed_is_named_and_the_file_stays(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_a_mount(path: Path, target: Path) -> Path:
        raise OSError(16, "Device or resource busy", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", is_a_mount)
        with pytest.raises(MainstayError, match=r"lake/manifest\.json cannot be set aside .*busy"):
            set_aside(deployment)
    assert seen(deployment) == ["one", "one"]
    assert len(set_aside(deployment)) == 2


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
