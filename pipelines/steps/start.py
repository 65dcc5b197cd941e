"""Start: open a run in the ledger, and finish first what a killed erasure left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.steps.forget import finish_before
from pipelines.warehouse import ledger
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def start(
    settings: Settings,
    run_id: str,
    kind: str,
    as_of: date,
    say: Say | None = None,
    *,
    is_own_process: bool = True,
    reason: str | None = None,
) -> Summary:
    """Open the run in the ledger; see `ledger.start_run`."""
    with warehouse_lock(settings, "start", run_id, on_wait=say):
        ledger.start_run(settings, run_id, kind, as_of, is_own_process=is_own_process, reason=reason)
        finish_before(settings, run_id, say)
    return {"run_id": run_id}
