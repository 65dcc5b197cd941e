"""Recording a run: its start, each step's outcome, what dbt did, and its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.errors import MainstayError
from pipelines.steps.logs import prune_logs
from pipelines.warehouse import ledger, stale
from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.faults import database_errors, message_of
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings

Say = Callable[[str], None]
Summary = dict[str, Any]


def recorded(
    settings: Settings,
    run_id: str,
    step: str,
    work: Callable[[], Summary],
    say: Say | None = None,
    on_success: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
    success: str = "success",
) -> Summary:
    """Do a step's work under the lock and write its outcome into the ledger, success or not.

    `on_success` writes what must be written together with the success, or not at all; `success` is what the ledger
    calls it.
    """
    with warehouse_lock(settings, step, run_id, on_wait=say):
        started = ledger.now()
        with closing(connect(settings, rows=False)) as connection:
            ledger.record_step(connection, run_id, step, started, "running", {})
        try:
            with database_errors(settings):
                summary = work()
        except BaseException as error:
            # The step's own error must stand, even if the ledger cannot be written any more.
            with (
                suppress(MainstayError, duckdb.Error, OSError),
                closing(connect(settings, rows=False)) as connection,
            ):
                reason = message_of(error)
                ledger.record_step(connection, run_id, step, started, "failed", {"error": reason})
            raise
        rows = on_success is not None
        with closing(connect(settings, rows=rows)) as connection, transaction(connection):
            ledger.record_step(connection, run_id, step, started, success, summary)
            if on_success is not None:
                on_success(connection)
        return summary


def context_of(settings: Settings) -> str:
    """Found before the work, so that what is edited meanwhile does not count as used."""
    from pipelines.transform import variables

    return stale.context_hash(settings, variables(settings))


def transformed(
    settings: Settings,
    run_id: str,
    step: str,
    as_of: date,
    context: str,
    say: Say | None,
    *,
    full_refresh: bool = False,
    selection: Sequence[str] | None = None,
) -> Summary:
    """Run a step's dbt build and keep its models' timings in the ledger; returns what of it the step tells."""
    from pipelines.transform import NodeResult, slowest, transform

    def heard(node: NodeResult) -> None:
        if say is not None and node.resource_type != "test":
            say(f"{node.name} {node.status}")

    results = transform(
        settings, step, as_of, context, on_node=heard, full_refresh=full_refresh, selection=selection
    )
    with closing(connect(settings, rows=False)) as connection:
        rows = [(r.name, r.resource_type, r.status, r.seconds, r.message) for r in results]
        ledger.record_models(connection, run_id, rows)
    return {
        "as_of_date": as_of.isoformat(),
        "context": context,
        "models": sum(r.resource_type in ("model", "seed") for r in results),
        "tests": sum(r.resource_type == "test" for r in results),
        "slowest": {r.name: round(r.seconds, 2) for r in slowest(results, 3)},
    }


def close(settings: Settings, run_id: str, status: str, message: str | None = None) -> None:
    """Close a run in the ledger; one that checked anything is then in the Data Docs as it ended."""
    with warehouse_lock(settings, "finish", run_id):
        ledger.finish_run(settings, run_id, status, message)
        if ledger.has_checks(settings, run_id):
            docs(settings)


def finish(settings: Settings, run_id: str, as_of: date, status: str, message: str | None = None) -> Summary:
    """Close the run in the ledger, write the Data Docs, and take away logs that are older than is wanted."""
    with warehouse_lock(settings, "finish", run_id):
        ledger.finish_run(settings, run_id, status, message)
        pages = docs(settings)
    return {"run_id": run_id, "status": status, "data_docs": pages, "pruned_logs": prune_logs(settings)}


def docs(settings: Settings) -> str | None:
    """Write the Data Docs: the path of their first page, or why they could not be written; None without a warehouse."""
    from pipelines.data_docs import data_docs_or_reason

    return data_docs_or_reason(settings)
