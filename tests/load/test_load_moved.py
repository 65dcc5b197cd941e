"""A deployment that was copied elsewhere knows its history: the ledger's names start at the landing folder."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from loading_world import DAY, World, counts

from pipelines.load import missing_partitions
from pipelines.load.pending import pending_files
from pipelines.load.plan import plan_load


@pytest.fixture
def moved(tmp_path: Path) -> tuple[World, World]:
    """Two dates loaded, then all of it copied."""
    world = World(tmp_path / "old")
    world.good(1)
    world.good(2, day="2017-03-02")
    world.load()
    shutil.copytree(world.home, tmp_path / "new" / "place")
    return world, World(tmp_path / "new" / "place")


@pytest.mark.parametrize("is_of_earlier_version", [False, True])
def test_a_moved_deployment_has_nothing_to_load(
    moved: tuple[World, World], is_of_earlier_version: bool
) -> None:
    old, new = moved
    if is_of_earlier_version:
        with closing(duckdb.connect(str(new.settings.warehouse))) as connection:
            connection.execute("UPDATE ops.files SET path = ? || '/' || path", [str(old.settings.landing)])
    assert pending_files(new.settings, None, None)["transactions"] == []
    assert missing_partitions(new.settings, None, None) == {}
    assert {p.state for p in plan_load(new.settings, None, None).partitions} == {"unchanged"}
    result = new.load()
    assert (result.unchanged, result.files) == (2, 0)
    new.good(1, 3)
    assert counts(new.load()) == (2, 2, 0, 0)
    assert new.ids() == ["t1", "t2", "t3"]


def test_the_ledger_names_files_from_the_landing_folder_on(moved: tuple[World, World]) -> None:
    _, new = moved
    assert new.query("SELECT path FROM ops.files ORDER BY ALL LIMIT 1") == [
        (f"transactions/{DAY}/sales.csv",)
    ]


def test_of_an_absolute_location_the_whole_path_counts(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    world = World(tmp_path / "shop").server(path=f"{place}/{{date}}/*.csv")
    (place / DAY).mkdir(parents=True)
    world.good(1).rename(place / DAY / "sales.csv")
    world.load()
    assert world.query("SELECT path FROM ops.files") == [(str(place / DAY / "sales.csv"),)]
    assert world.load().unchanged == 1
