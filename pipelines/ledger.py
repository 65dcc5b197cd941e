"""The run ledger: what ran, which files it took, what the checks said. Kept in the warehouse's `ops` schema."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.sql import connect, insert_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from pipelines.land import LandingFile
    from pipelines.settings import Settings

DDL = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.runs (
    run_id VARCHAR, kind VARCHAR, as_of_date DATE, started_at TIMESTAMP, finished_at TIMESTAMP,
    status VARCHAR, message VARCHAR, sequence BIGINT, process VARCHAR);
CREATE TABLE IF NOT EXISTS ops.steps (
    run_id VARCHAR, step VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP, status VARCHAR, detail VARCHAR,
    sequence BIGINT);
ALTER TABLE ops.runs ADD COLUMN IF NOT EXISTS sequence BIGINT;
ALTER TABLE ops.runs ADD COLUMN IF NOT EXISTS process VARCHAR;
ALTER TABLE ops.steps ADD COLUMN IF NOT EXISTS sequence BIGINT;
CREATE TABLE IF NOT EXISTS ops.files (
    file_id VARCHAR, run_id VARCHAR, dataset VARCHAR, partition_date DATE, path VARCHAR, size_bytes BIGINT,
    sha256 VARCHAR, contract_hash VARCHAR, rows_in BIGINT, loaded BIGINT, quarantined BIGINT, duplicates BIGINT,
    loaded_at TIMESTAMP, status VARCHAR, message VARCHAR);
CREATE TABLE IF NOT EXISTS ops.unvalidated (dataset VARCHAR, partition_date DATE);
CREATE TABLE IF NOT EXISTS ops.touched (dataset VARCHAR, business_date DATE);
CREATE TABLE IF NOT EXISTS ops.drift (
    run_id VARCHAR, dataset VARCHAR, partition_date DATE, path VARCHAR, column_name VARCHAR, seen_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS ops.checks (
    run_id VARCHAR, stage VARCHAR, suite VARCHAR, expectation VARCHAR, column_name VARCHAR, success BOOLEAN,
    observed VARCHAR, detail VARCHAR, checked_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS ops.models (
    run_id VARCHAR, name VARCHAR, resource_type VARCHAR, status VARCHAR, seconds DOUBLE, message VARCHAR);
"""
"""Tables of the ledger.

`unvalidated` holds the partitions whose rows have not passed the raw expectations since they were loaded; nothing
is built while it holds any. `touched` holds the business dates whose rows a load has changed since the marts
were last built. File status: loaded, rejected (too many bad rows), refused (not what its contract says), replaced
(a later load of the same dataset and date took its place), removed (its landing file is gone, and its rows were
taken out on request).

Runs and steps are in the order of `sequence`, in which they were written; clocks are set back, and differ.
"""

_SILENT_AFTER = timedelta(days=1)
"""A run of a scheduler, which has no process of its own, counts as killed after so long without a step."""


def now() -> datetime:
    """The present moment in UTC, as the ledger stores it (without zone)."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_run_id(kind: str, as_of: date) -> str:
    """A run id that sorts by time and says what the run was."""
    return f"{kind}-{as_of:%Y%m%d}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def _process() -> str:
    """This process, told apart from a later one with the same number."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def _started(pid: int) -> str:
    """Clock ticks from the machine's start to the process's; empty if there is none, or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _is_dead(process: str | None, last_sign: datetime) -> bool:
    """Whether a run that was never closed will not go on: its process has ended, or nothing came from it for long."""
    host, pid, started = (process or "  ").split(" ")
    if started and host == socket.gethostname():
        return _started(int(pid)) != started
    return now() - last_sign > _SILENT_AFTER


def start_run(
    settings: Settings, run_id: str, kind: str, as_of: date, *, is_own_process: bool = True
) -> None:
    """Open a run, and mark as killed the ones that will not go on.

    Args:
        settings: The deployment.
        run_id: Opened anew if it was open already.
        kind: What the run does: nightly, backfill, load, …
        as_of: Its business date.
        is_own_process: Whether the run ends with this process; a scheduler's run has a process for each task.
    """
    with closing(connect(settings)) as connection:
        connection.execute(DDL)
        _mark_killed(connection)
        connection.execute("DELETE FROM ops.runs WHERE run_id = ?", [run_id])
        connection.execute(
            "INSERT INTO ops.runs (run_id, kind, as_of_date, started_at, status, sequence, process) "
            "SELECT ?, ?, ?, ?, 'running', coalesce(max(sequence), 0) + 1, ? FROM ops.runs",
            [run_id, kind, as_of, now(), _process() if is_own_process else None],
        )


def _mark_killed(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT r.run_id, r.process, greatest(r.started_at, coalesce(max(s.started_at), r.started_at)) "
        "FROM ops.runs AS r LEFT JOIN ops.steps AS s USING (run_id) WHERE r.status = 'running' "
        "GROUP BY r.run_id, r.process, r.started_at"
    ).fetchall()
    dead = [run_id for run_id, process, last_sign in rows if _is_dead(process, last_sign)]
    connection.execute(
        "UPDATE ops.runs SET status = 'killed', finished_at = ?, message = 'ended without closing' "
        "WHERE list_contains(?::VARCHAR[], run_id)",
        [now(), dead],
    )


def finish_run(settings: Settings, run_id: str, status: str, message: str | None = None) -> None:
    """Close a run with its outcome."""
    with closing(connect(settings)) as connection:
        connection.execute(DDL)
        connection.execute(
            "UPDATE ops.runs SET status = ?, finished_at = ?, message = ? WHERE run_id = ?",
            [status, now(), message, run_id],
        )


def record_step(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    step: str,
    started: datetime,
    status: str,
    detail: dict[str, Any],
) -> None:
    """Write a step that began (`running`) or ended; a retried step replaces its earlier row.

    Steps of other runs that stand as running were killed: who writes here holds the warehouse's lock, as they did.
    """
    connection.execute(DDL)
    connection.execute(
        "UPDATE ops.steps SET status = 'killed' WHERE status = 'running' AND run_id <> ?", [run_id]
    )
    connection.execute("DELETE FROM ops.steps WHERE run_id = ? AND step = ?", [run_id, step])
    connection.execute(
        "INSERT INTO ops.steps SELECT ?, ?, ?, ?, ?, ?, coalesce(max(sequence), 0) + 1 FROM ops.steps",
        [
            run_id,
            step,
            started,
            None if status == "running" else now(),
            status,
            json.dumps(detail, default=str, ensure_ascii=False),
        ],
    )


@dataclass(frozen=True)
class StepEntry:
    """One row of the step ledger."""

    run_id: str
    step: str
    status: str
    sequence: int
    detail: dict[str, Any]


def last_step(connection: duckdb.DuckDBPyConnection, step: str) -> StepEntry | None:
    """The newest entry of a step, of whatever run."""
    connection.execute(DDL)
    # Rows of an older Mainstay have no sequence; they come before all others.
    row = connection.execute(
        "SELECT run_id, step, status, coalesce(sequence, 0), detail FROM ops.steps WHERE step = ? "
        "ORDER BY coalesce(sequence, 0) DESC, started_at DESC LIMIT 1",
        [step],
    ).fetchone()
    return StepEntry(row[0], row[1], row[2], row[3], json.loads(row[4])) if row else None


def record_checks(
    connection: duckdb.DuckDBPyConnection, run_id: str, stage: str, checks: Iterable[Sequence[Any]]
) -> None:
    """Write check results (suite, expectation, column, success, observed, detail) of a stage."""
    connection.execute("DELETE FROM ops.checks WHERE run_id = ? AND stage = ?", [run_id, stage])
    rows = [[run_id, stage, *check, now()] for check in checks]
    if rows:
        insert_rows(connection, "ops.checks", rows)


def record_models(
    connection: duckdb.DuckDBPyConnection, run_id: str, results: Iterable[Sequence[Any]]
) -> None:
    """Write dbt timings (name, resource type, status, seconds, message)."""
    rows = [[run_id, *result] for result in results]
    if rows:
        names = [[run_id, row[1]] for row in rows]
        connection.executemany("DELETE FROM ops.models WHERE run_id = ? AND name = ?", names)
        insert_rows(connection, "ops.models", rows)


@dataclass(frozen=True)
class FileEntry:
    """One row of the file ledger."""

    file_id: str
    run_id: str
    dataset: str
    partition_date: date
    path: str
    size_bytes: int
    sha256: str
    contract_hash: str
    rows_in: int | None
    loaded: int | None
    quarantined: int | None
    duplicates: int | None
    status: str
    message: str | None = None


def record_files(connection: duckdb.DuckDBPyConnection, entries: Iterable[FileEntry]) -> None:
    """Append to the file ledger."""
    rows = [
        [
            e.file_id,
            e.run_id,
            e.dataset,
            e.partition_date,
            e.path,
            e.size_bytes,
            e.sha256,
            e.contract_hash,
            e.rows_in,
            e.loaded,
            e.quarantined,
            e.duplicates,
            now(),
            e.status,
            e.message,
        ]
        for e in entries
    ]
    if rows:
        insert_rows(connection, "ops.files", rows)


def record_drift(
    connection: duckdb.DuckDBPyConnection, run_id: str, found: Iterable[tuple[LandingFile, str]]
) -> None:
    """Note columns that a file has and its contract does not know."""
    rows = [[run_id, f.dataset, f.partition_date, str(f.path), column, now()] for f, column in found]
    if rows:
        insert_rows(connection, "ops.drift", rows)


def record_refused(
    connection: duckdb.DuckDBPyConnection, run_id: str, refused: Sequence[tuple[LandingFile, str]]
) -> None:
    """Note files that were refused whole, each with its sentence; an earlier note of the same file goes."""
    connection.execute(DDL)
    for file, message in refused:
        connection.execute("DELETE FROM ops.files WHERE status = 'refused' AND path = ?", [str(file.path)])
        entry = FileEntry(
            file_id="",
            run_id=run_id,
            dataset=file.dataset,
            partition_date=file.partition_date,
            path=str(file.path),
            size_bytes=0,
            sha256="",
            contract_hash="",
            rows_in=None,
            loaded=None,
            quarantined=None,
            duplicates=None,
            status="refused",
            message=message,
        )
        record_files(connection, [entry])


def note_unvalidated(connection: duckdb.DuckDBPyConnection, dataset: str, days: Iterable[date]) -> None:
    """Partitions were loaded anew: their rows have to pass the raw expectations before anything is built on them."""
    rows = [[dataset, day] for day in days]
    connection.execute(
        "DELETE FROM ops.unvalidated WHERE dataset = ? AND list_contains(?, partition_date)",
        [dataset, [r[1] for r in rows]],
    )
    insert_rows(connection, "ops.unvalidated", rows)


def unvalidated(connection: duckdb.DuckDBPyConnection) -> dict[str, list[date]]:
    """Per dataset, the partitions that were loaded and have not passed the raw expectations yet."""
    connection.execute(DDL)
    found: dict[str, list[date]] = {}
    for dataset, day in connection.execute(
        "SELECT DISTINCT dataset, partition_date FROM ops.unvalidated ORDER BY ALL"
    ).fetchall():
        found.setdefault(dataset, []).append(day)
    return found


def mark_validated(connection: duckdb.DuckDBPyConnection, partitions: dict[str, list[date]]) -> None:
    """These partitions' rows have passed the raw expectations."""
    for dataset, days in partitions.items():
        connection.execute(
            "DELETE FROM ops.unvalidated WHERE dataset = ? AND list_contains(?, partition_date)",
            [dataset, days],
        )


def touched(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[date]:
    """The business dates of a dataset whose rows a load has changed since the marts were last built."""
    connection.execute(DDL)
    rows = connection.execute(
        "SELECT DISTINCT business_date FROM ops.touched WHERE dataset = ? ORDER BY ALL", [dataset]
    ).fetchall()
    return [day for (day,) in rows]
