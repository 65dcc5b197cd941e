"""What every DAG shares: the defaults of its tasks, and the call from a task to its step.

Imported when Airflow parses a DAG, so nothing here may import dbt, DuckDB, pandas or Great Expectations at
the top; `pipelines.steps` and what reads the warehouse are imported when a task runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.errors import BuildError, FileRefusedError, LoadError, SettingsError, ValidationFailedError
from pipelines.orchestrate.lineage import parent_of_dbt
from pipelines.orchestrate.published import summary_lines
from pipelines.settings import Settings, load_settings

if TYPE_CHECKING:
    from pipelines.orchestrate.request import Backfill

log = logging.getLogger(__name__)

POOL = "warehouse"
"""The pool with one slot that every task takes: DuckDB has one writer, and each task writes to the ledger."""

POOL_DESCRIPTION = "One slot: DuckDB has one writer."

ERROR_KEY = "error"
"""XCom key under which a failing task leaves its sentence for `finish`."""

EXIT_CODE_KEY = "exit_code"
"""XCom key under which it leaves the exit code that the command line would end with."""

MESSAGE_LIMIT = 4000
"""Characters of an error's message that are kept for the ledger."""

BACKFILL_DAG = "mainstay_backfill"
"""Its runs are for the range in their parameters; any other DAG's for the business date of their interval."""


@dataclass(frozen=True)
class StepEvent:
    """A task began, says what it is doing, ended or failed in this process; `seconds` is wall-clock time."""

    task: str
    kind: str  # started | said | succeeded | failed
    seconds: float = 0.0
    detail: dict[str, Any] | None = None
    message: str | None = None
    error: BaseException | None = None


observers: list[Callable[[StepEvent], None]] = []
"""Called with each event of tasks that run in this process; the in-process runner adds one."""


def default_args() -> dict[str, Any]:
    """Defaults of every task: the pool and the order in it, two retries and the time limit."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    return {
        "owner": "mainstay",
        "pool": POOL,
        # Of several active runs, the one that is furthest gets the slot: a run is finished before the next begins,
        # so that a run publishes just what it built. By default it is the other way round, and all would land
        # first, then all load, and each would build on what the others are still loading.
        "weight_rule": "upstream",
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
    task_id: str
    context: Any

    @property
    def kind(self) -> str:
        """What the ledger calls it."""
        return "nightly" if self.backfill is None else "backfill"

    @cached_property
    def backfill(self) -> Backfill | None:
        """What the backfill is asked for; None for a night.

        Raises:
            SettingsError: it is asked for something that makes no sense.
        """
        if self.context["dag"].dag_id != BACKFILL_DAG:
            return None
        from pipelines.orchestrate.request import Backfill

        return Backfill.from_params(self.context["params"])

    @property
    def last(self) -> date:
        """The last business date that is loaded."""
        if self.backfill is not None:
            return self.backfill.last
        dag_run = self.context["dag_run"]
        return business_date_of(dag_run.data_interval_start, dag_run.run_after, self.settings)

    @property
    def first(self) -> date:
        """The first business date that is loaded."""
        return self.last if self.backfill is None else self.backfill.first

    @property
    def as_of(self) -> date:
        """The business date that the marts are built for."""
        if self.backfill is not None:
            return self.backfill.as_of_date(self.settings)
        from pipelines.publish import as_of_for

        return as_of_for(self.settings, self.last)

    def say(self, text: str) -> None:
        """Tell the log and whoever watches what is going on."""
        log.info("%s", text)
        _tell(StepEvent(self.task_id, "said", message=text))


def _current_run() -> _Run:
    from airflow.sdk import get_current_context

    context = get_current_context()
    return _Run(
        settings=load_settings(),
        run_id=context["dag_run"].run_id,
        task_id=context["ti"].task_id,
        context=context,
    )


def run_step(step: str, stage: str | None = None, *, opens_run: bool = False) -> dict[str, Any]:
    """Run a step for the current run's business dates and return its summary.

    Args:
        step: Name of the function in `pipelines.steps`.
        stage: What `validate` looks at.
        opens_run: Open the run in the ledger before.

    Raises:
        MainstayError: the step's own error; its sentence is left for `finish` in the XCom `error`.
    """
    run = _current_run()

    def call() -> dict[str, Any]:
        if run.backfill is not None and step == "land":
            run.backfill.require_files(run.settings)
        if opens_run:
            # In-process, one process does all tasks; under a scheduler, each task has its own.
            day = run.last if run.backfill is None else run.as_of
            _steps().start(
                run.settings,
                run.run_id,
                run.kind,
                day,
                run.say,
                is_own_process=bool(observers),
                reason=run.backfill.reason if run.backfill is not None else None,
            )
        dates = _dates(run, step)
        named = [stage] if stage is not None else []
        summary: dict[str, Any] = getattr(_steps(), step)(
            run.settings, run.run_id, *named, *dates, say=run.say, **_options(run, step)
        )
        return summary

    return _observed(run, call)


def _dates(run: _Run, step: str) -> list[date]:
    if step == "export":  # it is for what is served
        return []
    return [run.first, run.last] if step in ("land", "load", "validate") else [run.as_of]


def _options(run: _Run, step: str) -> dict[str, Any]:
    """What a step is told beside the dates."""
    asked = run.backfill
    if step == "publish":
        return {
            "rebuild_if_needed": True,
            "compare": asked is not None or "published" in run.settings.told,
            "accept_loss": asked is not None and asked.accept_loss,
        }
    if asked is None or step not in ("land", "load"):
        return {}
    datasets = list(asked.datasets) if asked.datasets else None
    if step == "land":
        return {"datasets": datasets, "allow_missing": asked.remove_missing}
    return {"datasets": datasets, "reload": not asked.changed_only, "remove_missing": asked.remove_missing}


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
    summary = _observed(run, lambda: _steps().finish(run.settings, run.run_id, run.last, status, message))
    if not observers:  # in-process, whoever watches the run tells of it, of one that was killed too
        from pipelines.orchestrate.telling import tell_of_run

        dates = f"{run.first}" if run.first == run.last else f"{run.first} – {run.last}"
        code = ti.xcom_pull(task_ids=failed[0], key=EXIT_CODE_KEY) if failed else 1
        tell_of_run(run.settings, ti, dates, message, failed[0] if failed else None, code, summary)
    return summary


def finish_failed(context: Any) -> None:
    """Airflow's `on_failure_callback` of `finish`: where that fails for good, it has not told of the run."""
    if not observers:
        from pipelines.orchestrate.telling import tell_of_finish

        tell_of_finish(context)


def _steps() -> Any:
    """The steps, in the task that runs one: Airflow imports this module whenever it parses a DAG."""
    from pipelines import steps

    return steps


def _observed(run: _Run, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    from pipelines.warehouse.signals import Ended, ending_in_order

    _tell(StepEvent(run.task_id, "started"))
    began = time.monotonic()
    try:
        _log_dates(run)
        # Airflow itself lets a step go on after SIGTERM, and sends SIGKILL some seconds later.
        with ending_in_order(), parent_of_dbt(run.settings, run.context["ti"]):
            detail = call()
    except (Exception, Ended) as error:
        _leave_for_finish(run, error)
        _tell(StepEvent(run.task_id, "failed", time.monotonic() - began, error=error))
        raise
    for line in summary_lines(run.task_id, detail):
        log.info("%s", line)
    _tell(StepEvent(run.task_id, "succeeded", time.monotonic() - began, detail))
    return detail


def _log_dates(run: _Run) -> None:
    """Which dates the run is for, and by which clock: the log's own times and the run's name are UTC."""
    dates = f"{run.last}" if run.first == run.last else f"{run.first} to {run.last}"
    log.info("%s for %s, business dates by the clock of %s", run.task_id, dates, run.settings.timezone)


def _leave_for_finish(run: _Run, error: BaseException) -> None:
    from pipelines.warehouse.faults import explained, message_of

    try:
        run.context["ti"].xcom_push(key=ERROR_KEY, value=message_of(error)[:MESSAGE_LIMIT])
        known = explained(run.settings, error) or error
        run.context["ti"].xcom_push(key=EXIT_CODE_KEY, value=getattr(known, "exit_code", 1))
    except Exception:  # the API server may be what failed; the step's own error must stand
        log.exception("The message of %s could not be kept for the ledger", run.task_id)


def _tell(event: StepEvent) -> None:
    for observer in observers:
        observer(event)
