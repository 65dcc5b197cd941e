"""Whatever is derived and may quote a value goes, wherever it is, and nothing that a run needs goes with it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import sys
import threading
import traceback
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest
from deployments import mainstay
from filelock import FileLock
from scanning import scan

from pipelines.errors import LockedError
from pipelines.forget.airflow import _REASONS, _TEXTS, blank_airflow
from pipelines.forget.superset import _TEXTS as TYPED
from pipelines.forget.superset import blank_superset
from pipelines.forget.traces import erase_old_versions, erase_traces
from pipelines.publish import current, files, rollback, versions
from pipelines.publish.recovery import recover
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, restrict
from tests.publish.publishing_world import (
    assert_tidy,
    parquet_night,
    publish_night,
    served_night,
    settings_in,
)

MARKER = "zqmarker"
FILES = {
    "check_results": ["gx/scratch/customers/x.csv", "gx/runs/r1/results/raw/x.json"],
    "data_docs": ["data_docs/index.html", "data_docs/index.zh-CN.html", "data_docs/.index.html.partial"],
    "logs": [
        "logs/dbt.log", "logs/dbt.log.1", "logs/nightly-2017-03-01-20170302T000000.log", "logs/airflow/scheduler.log",
        "logs/airflow/services/dag_id=mainstay_nightly/run_id=r1/task_id=land/attempt=1.log",
    ],
    "dbt": ["dbt/target/run_results.json", "dbt/target/compiled/mainstay/models/x.sql"],
    "reports": ["serving/report.html", "serving/report.zh-CN.html"],
    "old_warehouses": [
        "warehouse/mainstay.duckdb.aside-20170301T000000Z", "warehouse/mainstay.duckdb.aside-20170301T000000Z.wal",
        "warehouse/mainstay.duckdb.tmp/duckdb_temp_storage_DEFAULT-0.tmp",
    ],
    "spilled": ["spill/another-machine/7 7 x/x.tmp", f"spill/{socket.gethostname()}/{2**22 + 1} 7 x/x.tmp"],
    "dry_runs": ["plan-killed/plan.duckdb", "plan-killed/plan.duckdb.wal", "plan-killed/lock"],
}  # fmt: skip
KEPT = (
    "dbt/parsed/0.msgpack",
    "dbt/own_sources.yml",
    "airflow/services/secrets.json",
    "serving/marts.duckdb",
)


def airflow_database(path: Path) -> None:
    """A database with the tables and columns that are blanked, as Airflow keeps it: with a log beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts: dict[str, list[str]] = {}
    for table, column in [*_TEXTS, *_REASONS]:
        texts.setdefault(table, []).append(column)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        for table, columns in texts.items():
            value = json.dumps({"reason": MARKER, "first_date": "2017-03-01"})
            connection.execute(f"create table {table} (id integer, state text, {', '.join(columns)})")
            for n in (1, 2):
                row = [n, "success", *[value] * len(columns)]
                connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
            connection.execute(f"delete from {table} where id = 2")  # its bytes stay in the file
        connection.commit()


def superset_database(path: Path) -> None:
    """A database with the tables and columns that are blanked, as Superset keeps it, and a link among its salts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[str]] = {}
    for table, column in TYPED:
        columns.setdefault(table, []).append(column)
    with closing(sqlite3.connect(path)) as connection:
        for table, names in columns.items():
            connection.execute(f"create table {table} (id integer, {', '.join(names)})")
            for n in (1, 2):
                row = [n, *[f"customer_id = '{MARKER}'"] * len(names)]
                connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
            connection.execute(f"delete from {table} where id = 2")  # its bytes stay in the file
        connection.execute("create table key_value (resource text not null, value blob not null)")
        for resource in ("superset_metastore_cache", "dashboard_permalink", "app"):
            value = b"salt" if resource == "app" else f"\x80\x04{MARKER}".encode()
            connection.execute("insert into key_value values (?, ?)", [resource, value])
        connection.execute("create table slices (params text)")
        connection.execute("insert into slices values ('saved by somebody')")
        connection.commit()


@pytest.fixture
def planted(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, lock_timeout_seconds=5)
    for name in (*[name for names in FILES.values() for name in names], *KEPT):
        path = settings.var / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept" if name in KEPT else MARKER)
    for deployment in ("inprocess", "services"):
        airflow_database(settings.var / "airflow" / deployment / "airflow.db")
    superset_database(settings.var / "bi" / "superset.db")
    said = f"land: {MARKER}"
    ledger.start_run(settings, "r1", "nightly", date(2017, 3, 1), reason=MARKER)
    ledger.finish_run(settings, "r1", "failed", said)
    with closing(connect(settings)) as connection:
        summary = {
            "files": 2, "as_of_date": "2017-03-01", "context": "abc", "selected": None, "warnings": [said],
            "datasets": [{"dataset": "customers", "loaded": 7, "drift": [MARKER], "top_reasons": [[said, 3]]}],
        }  # fmt: skip
        ledger.record_step(connection, "r1", "load", ledger.now(), "success", summary)
        ledger.record_step(connection, "r1", "stage", ledger.now(), "failed", {"error": said})
        checks = [
            (
                "raw.customers",
                "expect_a",
                "name",
                False,
                f"name {MARKER}",
                json.dumps({"seen": [MARKER]}),
                "error",
            ),
            ("raw.customers", "expect_b", None, False, "3 of 17 rows", None, "error"),
            ("raw.customers", "expect_c", None, True, None, None, "error"),
        ]
        ledger.record_checks(connection, "r1", "raw", checks)
        ledger.record_models(connection, "r1", [("m", "model", "error", 1.0, said)])
        connection.execute(
            "insert into ops.files (file_id, dataset, status, rows_in, message) values ('f', 'customers', 'refused', 7, ?)",
            [said],
        )
        connection.execute("insert into ops.drift (dataset, column_name) values ('customers', ?)", [MARKER])
    return settings


def test_every_place_is_cleared_and_nothing_else(planted: Settings) -> None:
    def found() -> set[str]:
        # The warehouse's own bytes are another's to write anew; its tables are looked into.
        return set(scan(planted.var, [MARKER]).found) - {f"{planted.warehouse}: {MARKER}"}

    before = "\n".join(found())
    for name in (name for names in FILES.values() for name in names):
        assert str(planted.var / name) in before, name
    for table in ("runs", "steps", "files", "drift", "models", "checks"):
        assert f"ops.{table}: " in before, table
    for table, _ in [*_TEXTS, *_REASONS]:
        assert before.count(f"airflow.db {table}: ") == 2, table
    for table in ("key_value", *(table for table, _ in TYPED)):
        assert f"superset.db {table}: " in before, table

    erased = erase_traces(planted)
    assert found() == set()
    assert {place: erased[place] for place in FILES} == {place: len(names) for place, names in FILES.items()}
    assert erased["airflow"] == 2 * (len(_TEXTS) + len(_REASONS))
    assert erased["superset"] == len(TYPED) + 2
    assert erased["ledger"] == 9
    for name in KEPT:
        assert (planted.var / name).read_text() == "kept"
    assert not any(erase_traces(planted).values())


def test_what_later_steps_read_of_the_ledger_stays(planted: Settings) -> None:
    erase_traces(planted)
    with closing(duckdb.connect(str(planted.warehouse), read_only=True)) as connection:
        [(detail,)] = connection.execute("select detail from ops.steps where step = 'load'").fetchall()
        assert json.loads(detail) == {
            "files": 2, "as_of_date": "2017-03-01", "context": "abc", "selected": None, "warnings": [],
            "datasets": [{"dataset": "customers", "loaded": 7, "drift": [], "top_reasons": []}],
        }  # fmt: skip
        observed = connection.execute("select observed from ops.checks order by expectation").fetchall()
        assert observed == [("removed when a person was erased",), ("3 of 17 rows",), (None,)]
        assert connection.execute("select kind, status from ops.runs").fetchall() == [("nightly", "failed")]
        assert connection.execute("select status, rows_in from ops.files").fetchall() == [("refused", 7)]


def test_a_log_that_is_open_is_gone_on_with_and_goes_when_its_time_comes(planted: Settings) -> None:
    path = planted.var / "logs" / "airflow" / "scheduler.log"
    os.utime(path, (1_000_000, 1_000_000))
    with path.open("ab", buffering=0) as stream:
        stream.write(MARKER.encode())
        os.utime(path, (1_000_000, 1_000_000))
        erase_traces(planted)
        assert (path.read_bytes(), path.stat().st_mtime) == (b"", 1_000_000)
        stream.write(b"the next line")
    assert path.read_bytes() == b"the next line"


def test_airflow_that_has_its_database_open_is_waited_for(planted: Settings) -> None:
    path = planted.var / "airflow" / "services" / "airflow.db"
    impatient = planted.model_copy(update={"lock_timeout_seconds": 0.1})
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as airflow:
        airflow.execute("begin")
        airflow.execute("select * from xcom").fetchall()  # an old state, which the log must keep for it
        with pytest.raises(LockedError, match="end `mainstay up`"):
            blank_airflow(impatient)
        ending = threading.Timer(0.5, lambda: airflow.execute("rollback"))
        ending.start()
        blank_airflow(planted)
        ending.join()
        assert airflow.execute("select count(*) from xcom").fetchall() == [(1,)]
    assert not scan(planted.var / "airflow", [MARKER]).found


def test_of_superset_its_salts_and_what_somebody_saved_stay(planted: Settings) -> None:
    erase_traces(planted)
    with closing(sqlite3.connect(planted.var / "bi" / "superset.db")) as connection:
        assert connection.execute("select * from key_value").fetchall() == [("app", b"salt")]
        assert connection.execute("select * from slices").fetchall() == [("saved by somebody",)]
        assert connection.execute("select id, sql, executed_sql from query").fetchall() == [(1, "", None)]


def test_superset_that_has_its_database_open_is_named(planted: Settings) -> None:
    impatient = planted.model_copy(update={"lock_timeout_seconds": 0.1})
    with closing(sqlite3.connect(planted.var / "bi" / "superset.db", isolation_level=None)) as superset:
        superset.execute("begin exclusive")
        with pytest.raises(LockedError, match=r"superset\.db is in use.*end `mainstay bi`"):
            blank_superset(impatient)


def test_a_dry_run_that_goes_on_keeps_its_folder(planted: Settings) -> None:
    folder = planted.var / "plan-killed"
    with FileLock(folder / "lock"):
        assert erase_traces(planted)["dry_runs"] == 0
        assert (folder / "plan.duckdb").read_text() == MARKER
    assert erase_traces(planted)["dry_runs"] == 3
    assert not folder.exists()


def test_a_database_in_memory_spills_where_nobody_looks_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", duckdb_threads=1, duckdb_memory_limit="40MB")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    folder = settings.var / "spill" / socket.gethostname()
    left = folder / f"{2**22 + 1} 7 x" / "x.tmp"  # more than a process's number can be
    left.parent.mkdir(parents=True)
    left.write_text(MARKER)
    with closing(connect(settings, Path(":memory:"))) as connection:
        assert list(folder.iterdir()) == [], "what a killed process left is gone"
        restrict(connection, [])
        connection.execute("create temp table t as select repeat('x', 100) || range from range(1_000_000)")
        [spilled] = folder.iterdir()
        assert list(spilled.iterdir())
        assert erase_traces(settings)["spilled"] == 0, "a process that lives goes on"
        assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, folder.parent)} == {0o700}
    assert list(folder.iterdir()) == list(elsewhere.iterdir()) == []


def test_nothing_to_erase_is_no_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert not any(erase_traces(settings).values())
    assert erase_old_versions(settings) == 0
    assert not settings.var.exists()


def test_the_live_version_alone_is_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for night in (1, 2, 3):
        publish_night(settings, night)
    live = rollback(settings)
    unfinished = settings.serving / ".building-20990101T000000_000000Z-x"
    unfinished.mkdir()
    (unfinished / "marts.duckdb").write_text(MARKER)
    (settings.serving / ".building-spill").mkdir()
    assert erase_old_versions(settings) == 2
    assert [v.version for v in versions(settings)] == [live.version]
    assert current(settings) == live
    assert (served_night(settings.serving / "marts.duckdb"), parquet_night(settings)) == (2, 2)
    assert [p.name for p in (settings.serving / "parquet").iterdir() if not p.is_symlink()] == [live.version]
    assert_tidy(settings)
    assert erase_old_versions(settings) == 0
    assert publish_night(settings, 4).version != live.version


def test_a_kill_between_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_in(tmp_path)
    for night in (1, 2, 3):
        publish_night(settings, night)

    def killed(name: str) -> None:
        if name == "pruning":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "crash_point", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_old_versions(settings)
    assert list(settings.serving.glob(".removing-*"))
    assert erase_old_versions(settings) == 1
    assert len(versions(settings)) == 1
    assert len(list((settings.serving / "parquet").iterdir())) == 2  # and `current`
    assert_tidy(settings)


def test_of_what_cannot_be_read_nothing_is_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for night in (1, 2):
        publish_night(settings, night)
    served = settings.serving / "marts.duckdb"
    served.unlink()
    served.write_text("damaged")
    assert erase_old_versions(settings) == 2
    assert recover(settings) is None
    assert publish_night(settings, 3).as_of_date


@pytest.mark.parametrize(
    "command", [["forget", "c1", "--dry-run"], ["forget", "c1", "--yes"], ["forget", "--resume"]]
)
def test_what_the_database_says_of_values_while_a_person_is_looked_for_is_left_out(
    planted: Settings, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    def fails(*_: object) -> None:
        raise duckdb.ConversionException(f"Conversion Error: Could not convert string '{MARKER}' to BOOL")

    for name in ("look", "read_tombstones"):
        monkeypatch.setattr(sys.modules["pipelines.steps.forget"], name, fails)
    result = mainstay(planted.home, *command)
    assert result.exit_code != 0
    assert result.exc_info is not None
    said = result.output + "".join(traceback.format_exception(*result.exc_info))
    assert "Conversion Error" in said
    assert MARKER not in said
