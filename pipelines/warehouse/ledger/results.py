"""What the steps found: outcomes of checks, timings of models."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipelines.warehouse.connection import connect, insert_rows
from pipelines.warehouse.ledger.tables import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from pipelines.settings import Settings


def record_checks(
    connection: duckdb.DuckDBPyConnection, run_id: str, stage: str, checks: Iterable[Sequence[Any]]
) -> None:
    """Write check results (suite, expectation, column, success, observed, detail, severity) of a stage."""
    connection.execute("DELETE FROM ops.checks WHERE run_id = ? AND stage = ?", [run_id, stage])
    rows = [[run_id, stage, *check, now(), severity] for *check, severity in checks]
    if rows:
        insert_rows(connection, "ops.checks", rows)


def has_checks(settings: Settings, run_id: str) -> bool:
    """Whether a run has check results."""
    with closing(connect(settings, rows=False)) as connection:
        found = connection.execute("SELECT 1 FROM ops.checks WHERE run_id = ? LIMIT 1", [run_id]).fetchone()
    return found is not None


def record_models(
    connection: duckdb.DuckDBPyConnection, run_id: str, results: Iterable[Sequence[Any]]
) -> None:
    """Write dbt timings (name, resource type, status, seconds, message)."""
    rows = [[run_id, *result] for result in results]
    if rows:
        names = [[run_id, row[1]] for row in rows]
        connection.executemany("DELETE FROM ops.models WHERE run_id = ? AND name = ?", names)
        insert_rows(connection, "ops.models", rows)
