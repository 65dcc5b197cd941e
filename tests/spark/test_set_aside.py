"""A warehouse that is set aside with its lake, without Spark: whatever moment it is killed at, no row is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from deployments import mainstay

from pipelines.cli import rebuild
from pipelines.errors import MainstayError, WarehouseDamagedError
from pipelines.forget.traces import erase_traces
from pipelines.settings import Settings
from pipelines.steps import forget
from pipelines.warehouse import aside
from pipelines.warehouse.aside import NOTE, Aside, require_none_begun, set_aside
from pipelines.warehouse.connection import connect
from pipelines.warehouse.engine import ASIDE, LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.spark import manifest

from .lakes import DAY, FOLDERS, fill, seen, there


@pytest.fixture
def deployment(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "one", engine="spark")
    fill(settings, "one")
    return settings


class Killed(BaseException):
    """What a kill is, as far as the files can tell."""


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
    assert set_aside(settings.model_copy(update={"engine": "duckdb"})).file is not None


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


def test_no_erasure_begins_while_a_warehouse_is_half_aside(deployment: Settings) -> None:
    """What is aside then is all that there is of these rows."""
    note = deployment.warehouse.with_name(NOTE)
    note.write_text("20240101T000000Z")
    engine_of(deployment).set_aside(deployment, "20240101T000000Z")
    before = there(deployment)
    with pytest.raises(WarehouseDamagedError, match=r"killed .* run `mainstay rebuild`"):
        forget(deployment, "run", "C1")
    assert there(deployment) == before
    set_aside(deployment)
    require_none_begun(deployment)
    note.write_text("20240101T000000Z")
    require_none_begun(deployment)


def test_what_a_kill_left_of_the_manifests_copy_is_gone_with_the_next(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(path: Path, target: Path) -> Path:
        raise Killed

    with closing(connect(deployment)) as connection:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", die)
            with pytest.raises(Killed):
                engine_of(deployment).tidy(connection, deployment)
        engine_of(deployment).tidy(connection, deployment)
    names = {path.name for path in Path(deployment.lake).iterdir()}
    assert names == {LAKE_MARK, manifest.FILE, "raw", "marts"}


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
    def die(settings: Settings, warehouse: Path) -> Aside:
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
    assert None not in set_aside(deployment)


def test_a_folder_that_cannot_be_written_is_named(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def is_closed(path: Path, *args: Any, **kwargs: Any) -> int:
        if path.name == NOTE:
            raise PermissionError(13, "Permission denied", str(path))
        return write(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", is_closed)
    with pytest.raises(MainstayError, match=r"var/warehouse cannot be written \(Permission denied\); let"):
        set_aside(deployment)
    assert seen(deployment) == ["one", "one"]


def test_rows_whose_file_is_lost_are_told_as_rows(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ran(settings: Settings, *_: Any, prepare: Callable[[], None], **__: Any) -> dict[str, Any]:
        prepare()
        return {"lost_transactions": 0}

    landed = {"sales": [DAY]}
    monkeypatch.setattr(rebuild, "_landed", lambda settings: landed)
    monkeypatch.setattr(rebuild, "run_backfill", ran)
    monkeypatch.setattr(rebuild, "show_backfill", lambda settings, summary: None)
    (deployment.home / "mainstay.toml").write_text('engine = "spark"\n')
    deployment.warehouse.unlink()
    said = mainstay(deployment.home, "rebuild", "--yes").output
    (rows,) = Path(deployment.lake).glob(f"{ASIDE}*")
    assert f"rows whose warehouse is lost are kept as {rows}" in said
    assert "history" not in said
    fill(deployment, "new")
    deployment.warehouse.unlink()
    told = json.loads(mainstay(deployment.home, "rebuild", "--yes", "--json").stdout)
    assert (told["aside"], Path(told["aside_rows"]).parent) == (None, Path(deployment.lake))
    fill(deployment, "new")
    told = json.loads(mainstay(deployment.home, "rebuild", "--yes", "--json").stdout)
    assert Path(told["aside"]).name.partition(ASIDE)[2] == Path(told["aside_rows"]).name.partition(ASIDE)[2]
