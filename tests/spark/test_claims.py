"""Whose a lake is, without Spark: a copy of a deployment neither loses its own lake, nor touches the original's."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from deployments import mainstay

from pipelines.errors import SettingsError
from pipelines.settings import Settings
from pipelines.warehouse.aside import NOTE, left_alone, old_rows, set_aside
from pipelines.warehouse.connection import connect
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.lake import Lake

from .lakes import FOLDERS, fill, seen, there


@pytest.fixture
def deployment(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "one", engine="spark")
    fill(settings, "one")
    return settings


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


def test_a_whole_copy_takes_its_own_lake(deployment: Settings, tmp_path: Path) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    two = Settings(home=tmp_path / "two", engine="spark")
    with closing(connect(two)) as connection:
        engine_of(two).tidy(connection, two)
    assert there(two) == set(FOLDERS.values())
    for settings in (two, deployment):
        assert Lake.of(settings).root == settings.lake
        assert str(settings.warehouse) in (Path(settings.lake) / LAKE_MARK).read_text()


def test_a_lake_that_was_moved_with_the_file_still_there_is_no_copy(
    deployment: Settings, tmp_path: Path
) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    Path(deployment.lake).rename(tmp_path / "disk")
    first, second = (
        Settings(home=home, engine="spark", lake_dir=str(tmp_path / "disk"))
        for home in (deployment.home, tmp_path / "two")
    )
    with pytest.raises(SettingsError, match="is the lake of"):
        Lake.of(second)
    assert Lake.of(first).root == first.lake


@pytest.mark.parametrize("mark", ["", '{"warehouse": "/a', "[]", "{}", '{"warehouse": [], "lake": 0}'])
def test_a_mark_that_says_nothing_is_nobodys(deployment: Settings, tmp_path: Path, mark: str) -> None:
    """So a lake is handed over on purpose, and what a kill has left of a mark locks nobody out."""
    shutil.copytree(deployment.home, tmp_path / "two")
    two = Settings(home=tmp_path / "two", engine="spark", lake_dir=deployment.lake)
    (Path(deployment.lake) / LAKE_MARK).write_text(mark)
    assert Lake.of(two).root == deployment.lake
    with pytest.raises(SettingsError, match=r"is the lake of .*two/var/warehouse"):
        Lake.of(deployment)


def test_a_mark_that_names_a_file_of_another_account_sends_away(
    deployment: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is closed: so the file may be there."""
    exists = Path.exists

    def is_closed(path: Path) -> bool:
        if path.is_relative_to(deployment.home):
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    shutil.copytree(deployment.home, tmp_path / "two")
    monkeypatch.setattr(Path, "exists", is_closed)
    with pytest.raises(
        SettingsError, match=r"is the lake of .*put an empty file in the place of .*two/var/lake"
    ):
        Lake.of(Settings(home=tmp_path / "two", engine="spark"))


def test_a_copy_that_names_the_lake_of_the_original_does_not_set_it_aside(
    deployment: Settings, tmp_path: Path
) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    two = Settings(home=tmp_path / "two", engine="spark", lake_dir=deployment.lake)
    with pytest.raises(SettingsError, match="is the lake of"):
        set_aside(two)
    assert seen(deployment) == ["one", "one"]
    assert two.warehouse.exists()
    assert not two.warehouse.with_name(NOTE).exists()


def test_an_erasure_of_a_copy_leaves_the_lake_of_the_original_alone_and_says_so(
    deployment: Settings, tmp_path: Path
) -> None:
    shutil.copytree(deployment.home, tmp_path / "two")
    mine = Settings(home=tmp_path / "two", engine="duckdb")
    two = mine.model_copy(update={"lake_dir": deployment.lake})
    assert old_rows(two) == []
    assert left_alone(two) == f"{deployment.lake} is the lake of {deployment.warehouse}"
    assert seen(deployment) == ["one", "one"]
    assert {path.name for path in old_rows(mine)} == {"raw", "marts", manifest.FILE}, "its own copy goes"
    (two.home / "mainstay.toml").write_text(f'engine = "duckdb"\nlake_dir = "{deployment.lake}"\n')
    said = mainstay(two.home, "forget", "C1", "--dry-run").output
    assert f"left alone: {deployment.lake} is the lake of {deployment.warehouse}; if" in said


def test_an_erasure_says_that_nothing_looks_into_an_old_lake_in_a_store(tmp_path: Path) -> None:
    (tmp_path / "mainstay.toml").write_text('lake_dir = "s3://shop-lake/lake"\n')
    for asked in (["C1", "--dry-run"], ["--resume"]):
        said = mainstay(tmp_path, "forget", *asked).output
        assert "left alone: with MAINSTAY_ENGINE=duckdb nothing looks into s3://shop-lake/lake; if" in said
    used = Settings(home=tmp_path, engine="spark", lake_dir="s3://shop-lake/lake")
    assert left_alone(used) is None


def test_a_deployment_by_another_name_has_the_same_lake(deployment: Settings, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(deployment.home)
    assert Lake.of(Settings(home=tmp_path / "link", engine="spark")).folder is not None
    assert Lake.of(deployment).folder is not None
