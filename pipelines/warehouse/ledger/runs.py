"""Runs and their steps: what ran, when, and how it ended."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.warehouse.connection import connect
from pipelines.warehouse.ledger.tables import DDL, now
from pipelines.warehouse.processes import start_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from pipelines.settings import Settings

_SILENT_AFTER = timedelta(days=1)
"""A run of a scheduler, which has no process of its own, counts as killed after so long without a step."""


def new_run_id(kind: str, as_of: date) -> str:
    """A run id that sorts by time and says what the run was."""
    return f"{kind}-{as_of:%Y%m%d}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def _process() -> str:
    """This process, told apart from a later one with the same number."""
    return f"{socket.gethostname()} {os.getpid()} {start_of(os.getpid())}"


def _is_dead(process: str | None, last_sign: datetime) -> bool:
    """Whether a run that was never closed will not go on: its process has ended, or nothing came from it for long."""
    host, pid, started = (process or "  ").split(" ")
    if started and host == socket.gethostname():
        return start_of(int(pid)) != started
    return abs(now() - last_sign) > _SILENT_AFTER  # or it is of a clock that ran far ahead


def start_run(
    settings: Settings,
    run_id: str,
    kind: str,
    as_of: date,
    *,
    is_own_process: bool = True,
    reason: str | None = None,
) -> None:
    """Open a run, and mark as killed the ones that will not go on.

    Args:
        settings: The deployment.
        run_id: Opened anew if it was open already.
        kind: What the run does: nightly, backfill, load, …
        as_of: Its business date.
        is_own_process: Whether the run ends with this process; a scheduler's run has a process for each task.
        reason: Why whoever asked for it wants it.
    """
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(DDL)
        _mark_killed(connection)
        connection.execute("DELETE FROM ops.runs WHERE run_id = ?", [run_id])
        connection.execute(
            "INSERT INTO ops.runs (run_id, kind, as_of_date, started_at, status, sequence, process, reason) "
            "SELECT ?, ?, ?, ?, 'running', coalesce(max(sequence), 0) + 1, ?, ? FROM ops.runs",
            [run_id, kind, as_of, now(), _process() if is_own_process else None, reason],
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
    with closing(connect(settings, rows=False)) as connection:
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


def last_step(
    connection: duckdb.DuckDBPyConnection, step: str, statuses: Sequence[str] | None = None
) -> StepEntry | None:
    """The newest entry of a step, of whatever run; with `statuses`, the newest that ended so."""
    connection.execute(DDL)
    # Rows of an older Mainstay have no sequence; they come before all others.
    row = connection.execute(
        "SELECT run_id, step, status, coalesce(sequence, 0), detail FROM ops.steps WHERE step = ? "
        "AND (?::VARCHAR[] IS NULL OR list_contains(?::VARCHAR[], status)) "
        "ORDER BY coalesce(sequence, 0) DESC, started_at DESC LIMIT 1",
        [step, statuses, statuses],
    ).fetchone()
    return StepEntry(row[0], row[1], row[2], row[3], json.loads(row[4])) if row else None
