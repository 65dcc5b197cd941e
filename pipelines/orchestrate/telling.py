"""Alerts from Airflow's tasks. What they say and where they go is in `pipelines.alerts`.

Imported when Airflow parses a DAG, so nothing heavy is imported at the top.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelines.errors import MainstayError, ProcessKilledError, ValidationFailedError
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from pipelines.settings import Settings

log = logging.getLogger(__name__)


def tell_of_run(
    settings: Settings,
    ti: Any,
    dates: str,
    message: str | None,
    failed: str | None,
    exit_code: int | None,
    summary: dict[str, Any],
) -> None:
    """Tell what is to be told of a run that `finish` has closed, once for all its tasks.

    Args:
        settings: The deployment.
        ti: Airflow's task instance of `finish`.
        dates: The run's business date, or its range.
        message: The run's message in the ledger; None where it succeeded.
        failed: The task that failed.
        exit_code: What that task left; None where it left nothing, as it was killed.
        summary: What `finish` returns.
    """
    try:
        from pipelines.alerts import Outcome, tell_of_outcome

        code = int(exit_code or ProcessKilledError.exit_code) if message is not None else 0
        docs = summary.get("data_docs") if code == ValidationFailedError.exit_code else None
        outcome = Outcome(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            dates=dates,
            step=failed,
            error=message,
            exit_code=code,
            published=ti.xcom_pull(task_ids="publish"),
            look_at=docs or _page(ti),
        )
        tell_of_outcome(settings, outcome)
    except Exception as error:  # noqa: BLE001 - the run is over and stands as it is
        log.error("The alerts of %s could not be sent: %s", ti.run_id, type(error).__name__)


def _page(ti: Any) -> str:
    """The run's page in the web UI."""
    from urllib.parse import quote

    from airflow.configuration import conf

    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}/dags/{ti.dag_id}/runs/{quote(ti.run_id)}"


def tell_of_finish(context: Any) -> None:
    """Tell that `finish` failed, and with it what tells of a run."""
    try:
        from pipelines.alerts import Outcome, tell_of_outcome
        from pipelines.warehouse.faults import explained, message_of

        settings, ti, error = load_settings(), context["ti"], context.get("exception")
        killed = ProcessKilledError("it left no message; its process may have been killed")
        known = (explained(settings, error) or error) if error else killed
        outcome = Outcome(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            dates="–",
            step=ti.task_id,
            error=message_of(known),
            exit_code=getattr(known, "exit_code", MainstayError.exit_code),
            look_at=_page(ti),
        )
        tell_of_outcome(settings, outcome)
    except Exception as failure:  # noqa: BLE001 - the task's own error must stand
        log.error("The failure of finish could not be told: %s", type(failure).__name__)


def require_fresh() -> dict[str, bool]:
    """Tell once that the night is missing which should be published by now, and fail, so that it shows in the web UI.

    Raises:
        MainstayError: it is missing.
    """
    from pipelines.alerts import find_stale, tell_stale

    settings = load_settings()
    found = find_stale(settings)
    if found is None:
        return {"stale": False}
    tell_stale(settings, found)
    raise MainstayError(found.in_words())
