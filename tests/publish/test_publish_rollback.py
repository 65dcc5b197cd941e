"""Rolling back serves an earlier version as it was, and publishing goes on from there."""

from __future__ import annotations

from pathlib import Path

import pytest
from publishing_world import assert_tidy, parquet_night, publish_night, served_night, settings_in

from pipelines.errors import PublishError
from pipelines.publish import current, rollback, versions


def test_rollback_serves_the_version_before_and_can_go_on_and_back(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    published = [publish_night(settings, night) for night in (1, 2, 3)]
    served = settings.serving / "marts.duckdb"

    assert rollback(settings) == published[1]
    assert (served_night(served), parquet_night(settings)) == (2, 2)
    assert current(settings) == published[1]
    assert [(v.run_id, v.is_current) for v in versions(settings)] == [
        ("run-3", False),
        ("run-2", True),
        ("run-1", False),
    ]
    assert_tidy(settings)

    assert rollback(settings) == published[0]
    assert rollback(settings, published[2].version) == published[2]
    assert (served_night(served), parquet_night(settings)) == (3, 3)
    assert_tidy(settings)


def test_publishing_after_a_rollback_works_and_keeps_order(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keep_versions=3)
    for night in (1, 2, 3):
        publish_night(settings, night)
    rollback(settings)
    again = publish_night(settings, 3)  # the very content that was rolled back
    assert not again.unchanged
    assert served_night(settings.serving / "marts.duckdb") == 3
    assert [(v.run_id, v.is_current) for v in versions(settings)] == [
        ("run-3", True),
        ("run-3", False),
        ("run-2", False),
    ]
    publish_night(settings, 4)
    assert_tidy(settings)


def test_the_served_version_is_never_pruned(tmp_path: Path) -> None:
    first = publish_night(settings_in(tmp_path), 1)
    for night in (2, 3):
        publish_night(settings_in(tmp_path), night)
    settings = settings_in(tmp_path, keep_versions=1)
    rollback(settings, first.version)
    assert publish_night(settings, 1).unchanged  # prunes, with the oldest version live
    assert {v.run_id: v.is_current for v in versions(settings)} == {"run-3": False, "run-1": True}
    assert_tidy(settings)


def test_a_dry_run_says_what_would_be_served_and_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first, second = publish_night(settings, 1), publish_night(settings, 2)
    assert rollback(settings, dry_run=True) == first
    assert current(settings) == second
    assert parquet_night(settings) == 2
    with pytest.raises(PublishError, match="there is no version nonsense"):
        rollback(settings, "nonsense", dry_run=True)


def test_rollback_to_what_is_served_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    second = publish_night(settings, 2)
    assert rollback(settings, second.version).unchanged
    assert_tidy(settings)


def test_rollback_without_an_earlier_version_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(PublishError, match="nothing has been published yet"):
        rollback(settings)
    assert current(settings) is None
    assert versions(settings) == []
    only = publish_night(settings, 1)
    with pytest.raises(PublishError, match=f"no version older than {only.version} .* kept: {only.version}"):
        rollback(settings)
    with pytest.raises(PublishError, match=r"no version \.\./\.\./warehouse to roll back to"):
        rollback(settings, "../../warehouse")
    assert served_night(settings.serving / "marts.duckdb") == 1


@pytest.mark.parametrize("part", ["duckdb", "parquet", "parquet missing", "manifest"])
def test_a_damaged_version_is_not_served(part: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = publish_night(settings, 1)
    publish_night(settings, 2)
    path = {
        "duckdb": settings.serving / "versions" / first.version / "marts.duckdb",
        "manifest": settings.serving / "versions" / first.version / "manifest.json",
    }.get(part, settings.serving / "parquet" / first.version / "tiers.parquet")
    if part == "parquet missing":
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1])
        if part == "manifest":
            path.write_text("{")
    with pytest.raises(PublishError, match=r"is missing|has been changed since|no readable manifest"):
        rollback(settings)
    assert (served_night(settings.serving / "marts.duckdb"), parquet_night(settings)) == (2, 2)
    assert [v.run_id for v in versions(settings)] == (["run-2"] if part == "manifest" else ["run-2", "run-1"])


def test_rollback_replaces_an_unreadable_served_file(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    publish_night(settings, 2)
    served = settings.serving / "marts.duckdb"
    served.unlink()
    served.write_bytes(b"no database")
    with pytest.raises(PublishError, match="the serving file cannot be read"):
        current(settings)
    assert rollback(settings).run_id == "run-2"
    assert_tidy(settings)
