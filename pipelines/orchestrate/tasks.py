"""What every DAG shares: the defaults of its tasks, and the call from a task to its step.

Imported when Airflow parses a DAG, so nothing here may import dbt, DuckDB, pandas or Great Expectations at
the top; `pipelines.steps` is imported when a task runs.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.errors import BuildError, FileRefusedError, LoadError, SettingsError, ValidationFailedError
from pipelines.orchestrate.notify import notify_failure
from pipelines.settings import Settings, load_settings

log = logging.getLogger(__name__)

POOL = "warehouse"
"""The pool with one slot that every task takes: DuckDB has one writer, and each task writes to the ledger."""

POOL_DESCRIPTION = "One slot: DuckDB has one writer."

ERROR_KEY = "error"
"""XCom key under which a failing task leaves its sentence for `finish`."""

MESSAGE_LIMIT = 4000
"""Characters of an error's message that are kept for the ledger."""

_RANGE_STEPS = frozenset({"land", "load"})


@dataclass(frozen=True)
class StepEvent:
    """A task began, ended or failed in this process; `seconds` is wall-clock time."""

    task: str
    kind: str  # started | succeeded | failed
    seconds: float = 0.0
    detail: dict[str, Any] | None = None
    error: BaseException | None = None


observers: list[Callable[[StepEvent], None]] = []
"""Called with each event of tasks that run in this process; the in-process runner adds one."""


def default_args() -> dict[str, Any]:
    """Defaults of every task: the pool, two retries that back off, the time limit and the failure hook."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    return {
        "owner": "mainstay",
        "pool": POOL,
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        # The same rows and the same settings fail again: say so at once instead of after the retries.
        "retry_policy": ExceptionRetryPolicy(
            rules=[
                RetryRule(
                    exception=[SettingsError, FileRefusedError, LoadError, BuildError, ValidationFailedError],
                    action=RetryAction.FAIL,
                    reason="the same input would fail again",
                )
            ]
        ),
        # A hung task would keep the only slot of the pool for ever.
        "execution_timeout": timedelta(hours=6),
        "on_failure_callback": notify_failure,
    }


def business_date_of(start: datetime | None, run_after: datetime, settings: Settings) -> date:
    """The business date of a run: the local date on which its data interval starts.

    Args:
        start: Start of the data interval; None where a run was triggered by hand without a logical date.
        run_after: Moment from which the run may start; without an interval, the day before it is meant.
        settings: For the reporting timezone.
    """
    if start is not None:
        return start.astimezone(settings.zone).date()
    return run_after.astimezone(settings.zone).date() - timedelta(days=1)


@dataclass(frozen=True)
class _Run:
    """The run that the current task belongs to."""

    settings: Settings
    run_id: str
    business_date: date
    task_id: str
    context: Any


def _current_run() -> _Run:
    from airflow.sdk import get_current_context

    context = get_current_context()
    dag_run = context["dag_run"]
    settings = load_settings()
    return _Run(
        settings=settings,
        run_id=dag_run.run_id,
        business_date=business_date_of(dag_run.data_interval_start, dag_run.run_after, settings),
        task_id=context["ti"].task_id,
        context=context,
    )


def open_run(kind: str) -> None:
    """Open the run in the ledger; its kind is the kind of DAG."""
    run = _current_run()
    _steps().start(run.settings, run.run_id, kind, run.business_date)


def run_step(step: str, stage: str | None = None) -> dict[str, Any]:
    """Run a step for the current run's business date and return its summary.

    Raises:
        MainstayError: the step's own error; its sentence is left for `finish` in the XCom `error`.
    """
    run = _current_run()

    def call() -> dict[str, Any]:
        args: list[Any] = [run.settings, run.run_id]
        if stage is not None:
            args += [stage, run.business_date, run.business_date]
        elif step in _RANGE_STEPS:
            args += [run.business_date, run.business_date]
        else:
            args += [_steps().as_of_for(run.settings, run.business_date)]
        summary: dict[str, Any] = getattr(_steps(), step)(*args)
        return summary

    return _observed(run, call)


def finish_run() -> dict[str, Any]:
    """Close the current run in the ledger with what became of its other tasks."""
    run = _current_run()
    ti = run.context["ti"]
    runs = ti.get_task_states(dag_id=ti.dag_id, run_ids=[run.run_id])
    states: dict[str, str | None] = runs.get(run.run_id, {})
    order = [task_id for task_id in run.context["dag"].task_dict if task_id != run.task_id]
    failed = [task_id for task_id in order if states.get(task_id) == "failed"]
    done = all(states.get(task_id) == "success" for task_id in order)
    message = None
    if failed:
        left = ti.xcom_pull(task_ids=failed[0], key=ERROR_KEY)
        message = f"{failed[0]}: {left or 'ended without a message; its process may have been killed'}"
    elif not done:
        message = "not run: " + ", ".join(task_id for task_id in order if states.get(task_id) != "success")
    status = "success" if done else "failed"
    return _observed(
        run, lambda: _steps().finish(run.settings, run.run_id, run.business_date, status, message)
    )


def _steps() -> Any:
    return importlib.import_module("pipelines.steps")


def _observed(run: _Run, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    _tell(StepEvent(run.task_id, "started"))
    began = time.monotonic()
    try:
        detail = call()
    except Exception as error:
        _leave_for_finish(run, error)
        _tell(StepEvent(run.task_id, "failed", time.monotonic() - began, error=error))
        raise
    _tell(StepEvent(run.task_id, "succeeded", time.monotonic() - began, detail))
    return detail


def _leave_for_finish(run: _Run, error: Exception) -> None:
    try:
        run.context["ti"].xcom_push(key=ERROR_KEY, value=str(error)[:MESSAGE_LIMIT])
    except Exception:  # the API server may be what failed; the step's own error must stand
        log.exception("The message of %s could not be kept for the ledger", run.task_id)


def _tell(event: StepEvent) -> None:
    for observer in observers:
        observer(event)
