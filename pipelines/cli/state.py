"""What `mainstay status` says, as plain values: what ran, what the checks said, what is landed and how fresh it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.contracts import source_contracts
from pipelines.errors import LandingError, LockedError
from pipelines.land import discover, landing_gaps, unmatched_files
from pipelines.publish import current
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.lock import holder, is_locked
from pipelines.warehouse.looking import briefly, looking
from pipelines.warehouse.standing import held_datasets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import duckdb

    from pipelines.settings import Settings


def gather(settings: Settings, runs: int) -> dict[str, Any]:
    """Everything that `mainstay status` shows. While a run is writing only what is published is known."""
    published = current(settings)
    report: dict[str, Any] = {
        "published": None
        if published is None
        else {
            "version": published.version,
            "run_id": published.run_id,
            "as_of_date": published.as_of_date,
            "published_at": published.published_at,
            "path": published.path,
        },
        "writing": None,
        "data_docs": str(settings.docs / "index.html") if (settings.docs / "index.html").exists() else None,
    }
    if not settings.warehouse.exists():
        report["writing"] = holder(settings) if is_locked(settings) else None
        return report
    try:
        with looking(briefly(settings), "status", on_wait=lambda _: None) as connection:
            return report | _ledger(settings, connection, runs)
    except LockedError:
        if not is_locked(settings):
            raise
        return report | {"writing": holder(settings)}


def _ledger(settings: Settings, connection: duckdb.DuckDBPyConnection, runs: int) -> dict[str, Any]:
    """What the ledger and the loaded tables say."""
    report: dict[str, Any] = {}
    report["runs"] = fetch_rows(
        connection,
        "SELECT * FROM ops.runs ORDER BY coalesce(sequence, 0) DESC, started_at DESC LIMIT ?",
        [runs],
    )
    last = report["runs"][0]["run_id"] if report["runs"] else None
    report["steps"] = fetch_rows(
        connection,
        "SELECT step, status, round(epoch(finished_at - started_at), 2) AS seconds "
        "FROM ops.steps WHERE run_id = ? ORDER BY sequence",
        [last],
    )
    report["checks"] = fetch_rows(
        connection,
        "SELECT stage, count(*) AS checks, count(*) FILTER (WHERE success) AS passed "
        "FROM ops.checks WHERE run_id = ? GROUP BY stage ORDER BY min(rowid)",
        [last],
    )
    report["failed_checks"] = fetch_rows(
        connection,
        "SELECT stage, suite, expectation, column_name, observed, coalesce(severity, 'error') AS severity "
        "FROM ops.checks WHERE run_id = ? AND NOT success",
        [last],
    )
    report["refused"] = fetch_rows(
        connection,
        "SELECT path, message FROM ops.files WHERE status = 'refused' ORDER BY rowid DESC LIMIT 5",
    )
    report["exports"] = fetch_rows(
        connection,
        "SELECT exported_at, os_user, kind, list_date, row_count AS rows, file_name, status "
        "FROM ops.exports ORDER BY exported_at DESC, rowid DESC LIMIT ?",
        [runs],
    )
    report["datasets"] = held_datasets(settings, connection)
    report |= _landing(settings, connection)
    return report


def _landing(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Dates that are landed and not loaded, and loaded and no longer landed, by the files' names alone: no file is read."""
    from pipelines.load import missing_partitions

    to_load: dict[str, list[date]] = {}
    held: dict[str, Iterable[date]] = {}
    try:
        for name, contract in source_contracts(settings).items():
            loaded = connection.execute(
                "SELECT partition_date, path FROM ops.files WHERE dataset = ? AND status = 'loaded'", [name]
            ).fetchall()
            held[name] = [day for day, _ in loaded]
            known = {(day, contract.landed_name(path)) for day, path in loaded}
            landed = {(f.partition_date, contract.landed_name(f.path)) for f in discover(settings, contract)}
            if days := sorted({day for day, _ in landed - known}):
                to_load[name] = days
        return {
            "to_load": to_load,
            "removed": missing_partitions(settings, None, None),
            "gaps": landing_gaps(settings, held),
            "unmatched": [str(path) for path in unmatched_files(settings)],
            "landing_problem": None,
        }
    except LandingError as error:
        return {
            "to_load": {}, "removed": {}, "gaps": {}, "unmatched": [], "landing_problem": str(error)
        }  # fmt: skip
