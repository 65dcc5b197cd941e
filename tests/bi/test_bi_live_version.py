"""Superset's connections overlap: each new one must get the night that is served now, and may read nothing else."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pipelines.publish import files, rollback
from pipelines.settings import PROJECT_DIR, Settings
from tests.publish.publishing_world import publish_night, settings_in

sys.path.insert(0, str(PROJECT_DIR / "deploy" / "superset"))
import live_version
from live_version import open_live_version


class KilledError(BaseException):
    pass


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_version, "PATIENCE_SECONDS", 0.1)


@contextmanager
def reader(settings: Settings, *, mutated: bool = True) -> Iterator[Connection]:
    """A connection as Superset makes them: an engine each, without a pool."""
    url = make_url(f"duckdb:///{settings.serving / 'marts.duckdb'}?access_mode=read_only")
    params: dict[str, Any] = {"poolclass": NullPool}
    if mutated:
        url, params = open_live_version(url, params, "admin", None, None)
    with create_engine(url, **params).connect() as connection:
        yield connection


def night(connection: Connection) -> int:
    return int(connection.execute(text("select distinct night from tiers")).scalar_one())


@pytest.fixture(params=["hard links", "no hard links"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if request.param == "no hard links":

        def refused(*_: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refused)
    return settings_in(tmp_path)


def test_of_two_overlapping_readers_the_later_one_gets_the_new_night(settings: Settings) -> None:
    publish_night(settings, 1)
    with reader(settings) as old:
        assert night(old) == 1
        publish_night(settings, 2)
        with reader(settings) as new:
            assert night(new) == 2
            assert night(old) == 1, "a reader keeps its whole night"
            rollback(settings)
            with reader(settings) as back:
                assert (night(back), night(new), night(old)) == (1, 2, 1)


def test_without_the_mutator_the_later_one_gets_the_old_night(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    with reader(settings, mutated=False) as old:
        publish_night(settings, 2)
        with reader(settings, mutated=False) as new:
            assert night(old) == night(new) == 1, "or DuckDB has learnt it, and the mutator may go"


def test_a_night_whose_publisher_was_killed_before_filing_it_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_night(settings, 1)

    def killed(point: str) -> None:
        if point == "swapped":
            raise KilledError

    with reader(settings) as old:
        assert night(old) == 1
        monkeypatch.setattr(files, "crash_point", killed)
        monkeypatch.setattr("pipelines.publish.swap._tidy_up", lambda _: None)
        with pytest.raises(KilledError):
            publish_night(settings, 2)
        with reader(settings) as new:
            assert night(new) == 2


def test_a_copy_without_versions_and_other_databases_are_opened_as_they_are(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "a")
    publish_night(settings, 1)
    copy = tmp_path / "copy" / "marts.duckdb"
    copy.parent.mkdir()
    copy.write_bytes((settings.serving / "marts.duckdb").read_bytes())
    for address in (f"duckdb:///{copy}", "duckdb:///:memory:", "duckdb:////elsewhere/other.duckdb"):
        url, _ = open_live_version(make_url(address), {}, None, None, None)
        assert url == make_url(address)
    given = {"connect_args": {"timeout": 3}}
    assert open_live_version(make_url("sqlite:///x.db"), given, None, None, None)[1] is given


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/hostname')",
        "select * from read_text('{warehouse}')",
        "attach '{warehouse}' as w (read_only)",
        "copy tiers to '{folder}/out.csv'",
        "set enable_external_access = true",
        "install httpfs",
        "create table t (i integer)",
    ],
)
def test_sql_reads_the_marts_and_nothing_else(sql: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    publish_night(settings, 1)
    with reader(settings) as connection, pytest.raises(DBAPIError):
        connection.execute(text(sql.format(warehouse=settings.warehouse, folder=tmp_path)))
