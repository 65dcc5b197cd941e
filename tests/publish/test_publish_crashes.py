"""A kill between any two steps leaves one whole night to BI, and running again leaves nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from publishing_world import (
    AS_OF,
    assert_tidy,
    build_warehouse,
    contracts,
    leave_stale_log,
    parquet_night,
    publish_night,
    run_python,
    served_night,
    settings_in,
)
from shortening import only

from pipelines.publish import current, files, publish, rollback, versions

CODE = """
import os, signal, sys
from pathlib import Path
from publishing_world import AS_OF, contracts, settings_in
from pipelines.publish import files, publish, rollback

home, what, point = sys.argv[1:]
def die(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)
files.crash_point = die
settings = settings_in(Path(home), keep_versions=1 if what == "publish" else 5)
if what == "publish":
    publish(settings, "run-2", AS_OF, contracts(Path(home)), audit=lambda path: None)
else:
    rollback(settings)
"""
PUBLISH_POINTS = [
    "leftovers_removed",
    "fingerprinted",
    "copied tiers",
    "copied empty_mart",
    "checkpointed",
    "built",
    "audited",
    "audited_outside",
    "synced",
    "parquet_placed",
    "logs_removed",
    "linked",
    "swapped",
    "pointer_linked",
    "pointed",
    "filed",
    "pruning",
    "pruned",
]
ROLLBACK_POINTS = ["leftovers_removed", "logs_removed", "linked", "swapped", "pointer_linked", "pointed"]
LIVE_FROM = "swapped"


def kill_at(home: Path, what: str, point: str) -> None:
    result = run_python(CODE, home, what, point)
    assert result.returncode == -9, f"not killed at {point}: {result.stderr}"


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(files, "crash_point", names.append)
    return names


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Night 1 published, night 2 built in the warehouse."""
    home = tmp_path_factory.mktemp("one_night")
    settings = settings_in(home)
    publish_night(settings, 1)
    build_warehouse(settings, 2)
    return home


def copy_of(home: Path, to: Path) -> Path:
    shutil.copytree(home, to / "home", symlinks=True)
    served, version = to / "home/var/serving/marts.duckdb", next((to / "home/var/serving/versions").iterdir())
    served.unlink()
    served.hardlink_to(version / "marts.duckdb")  # copytree makes two files of one
    return to / "home"


def test_every_point_of_publishing_is_tried_below(
    one_night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(copy_of(one_night, tmp_path), keep_versions=1)
    names = recorded(monkeypatch)
    publish(settings, "run-2", AS_OF, contracts(settings.home), audit=lambda path: None)
    assert {n for n in names if "odd" not in n} == set(PUBLISH_POINTS)


@pytest.mark.parametrize(
    "point", only(PUBLISH_POINTS, "built", "parquet_placed", "linked", "swapped", "pointed", "pruning")
)
def test_killed_publishing_leaves_one_whole_night_and_converges(
    point: str, one_night: Path, tmp_path: Path
) -> None:
    settings = settings_in(copy_of(one_night, tmp_path), keep_versions=1)
    served = settings.serving / "marts.duckdb"
    kill_at(settings.home, "publish", point)

    is_live = PUBLISH_POINTS.index(point) >= PUBLISH_POINTS.index(LIVE_FROM)
    assert served_night(served) == (2 if is_live else 1)
    assert parquet_night(settings) == (
        2 if PUBLISH_POINTS.index(point) >= PUBLISH_POINTS.index("pointed") else 1
    )

    again = publish(settings, "run-2", AS_OF, contracts(settings.home))
    assert again.unchanged == is_live
    assert (served_night(served), parquet_night(settings)) == (2, 2)
    assert_tidy(settings)
    assert [v.run_id for v in versions(settings)] == ["run-2"]


@pytest.mark.parametrize(
    "point",
    only(["checkpointed", "parquet_placed", "linked", "swapped", "pointed", "filed"], "linked", "swapped"),
)
def test_killed_first_publishing_leaves_no_file_or_a_whole_one(point: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    build_warehouse(settings, 2)
    kill_at(tmp_path, "publish", point)
    is_live = PUBLISH_POINTS.index(point) >= PUBLISH_POINTS.index(LIVE_FROM)
    assert (current(settings) is not None) == is_live
    publish(settings, "run-2", AS_OF, contracts(tmp_path))
    assert served_night(settings.serving / "marts.duckdb") == 2
    assert_tidy(settings)
    assert len(versions(settings)) == 1


@pytest.mark.parametrize(
    "second", only(["leftovers_removed", "pointer_linked", "pointed", "filed"], "pointer_linked")
)
def test_a_kill_while_completing_a_killed_run_converges_too(
    second: str, one_night: Path, tmp_path: Path
) -> None:
    settings = settings_in(copy_of(one_night, tmp_path), keep_versions=1)
    kill_at(settings.home, "publish", "swapped")
    kill_at(settings.home, "publish", second)
    assert served_night(settings.serving / "marts.duckdb") == 2
    assert publish(settings, "run-2", AS_OF, contracts(settings.home)).unchanged
    assert_tidy(settings)


def test_a_killed_run_may_be_followed_by_another_night(one_night: Path, tmp_path: Path) -> None:
    settings = settings_in(copy_of(one_night, tmp_path), keep_versions=5)
    kill_at(settings.home, "publish", "swapped")
    publish_night(settings, 3)
    assert [v.run_id for v in versions(settings)] == ["run-3", "run-2", "run-1"]
    assert_tidy(settings)


@pytest.mark.parametrize("point", only(ROLLBACK_POINTS, "linked", "swapped"))
def test_killed_rollback_leaves_one_whole_night_and_converges(point: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    second = publish_night(settings, 2)
    first = versions(settings)[1].version
    kill_at(tmp_path, "rollback", point)
    is_live = ROLLBACK_POINTS.index(point) >= ROLLBACK_POINTS.index(LIVE_FROM)
    assert served_night(settings.serving / "marts.duckdb") == (1 if is_live else 2)
    assert rollback(settings, first).unchanged == is_live
    assert (served_night(settings.serving / "marts.duckdb"), parquet_night(settings)) == (1, 1)
    assert_tidy(settings)
    assert [v.version for v in versions(settings)] == [second.version, first]


@pytest.mark.parametrize("point", only(["parquet_placed", "logs_removed", "linked"], "linked"))
def test_a_failure_before_the_swap_is_cleared_at_once(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    leave_stale_log(settings.serving / "marts.duckdb", "v1.0.0")

    def fail(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "crash_point", fail)
    with pytest.raises(KeyboardInterrupt):
        publish_night(settings, 2)
    assert served_night(settings.serving / "marts.duckdb") == 1
    assert_tidy(settings)
