"""The process that runs a real DAG once: `python -m pipelines.orchestrate.worker`, started by `inprocess`.

Its standard output and error are the run's log file. What the caller needs goes to it as one JSON object a
line through the pipe whose number is `--events`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import sys
import threading
from datetime import date, datetime, time, timedelta
from typing import IO, Any, NoReturn

from pipelines.orchestrate.environment import DAGS_DIR, prepare_metadata
from pipelines.orchestrate.tasks import StepEvent, observers
from pipelines.settings import load_settings


def main() -> int:
    """Run the DAG for what was asked for; exits 0 also when the run failed, the events tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dag-id", required=True)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--business-date", type=date.fromisoformat, help="for a DAG with data intervals")
    asked.add_argument("--conf", type=json.loads, help="parameters as JSON, for a DAG without a schedule")
    parser.add_argument("--events", type=int, required=True)
    args = parser.parse_args()
    threading.Thread(target=_end_with_caller, daemon=True).start()
    with os.fdopen(args.events, "w", encoding="utf-8", buffering=1) as events:
        observers.append(lambda event: _send_step(events, event))
        try:
            _run(args.dag_id, args.business_date, args.conf, events)
        except Exception as error:
            _send(events, kind="died", error_type=type(error).__name__, message=str(error))
            raise
    return 0


def _end_with_caller() -> None:
    # The caller holds the other end of standard input. When it is gone, killed even, nobody waits for us.
    # Not through sys.stdin: a thread blocked in there makes the interpreter abort at its end.
    os.read(0, 1)
    os._exit(1)


def _run(dag_id: str, business_date: date | None, conf: dict[str, Any] | None, events: IO[str]) -> None:
    migrated = prepare_metadata()
    dag = _load_dag(dag_id)
    for task in dag.tasks:
        # A person is waiting for this run: it fails at once, and is simply started again.
        task.retries = 0
    _send(events, kind="ready", migrated=migrated)
    dag_run = dag.test(run_conf=conf) if business_date is None else _night(dag, business_date)
    _send(
        events,
        kind="finished",
        run_id=dag_run.run_id,
        state=str(dag_run.state),
        states={ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()},
        order=list(dag.task_dict),
    )


def _night(dag: Any, business_date: date) -> Any:
    dag_run = dag.test(logical_date=logical_date_of(business_date, dag.timetable.expression))
    interval_date = dag_run.data_interval_start.astimezone(load_settings().zone).date()
    if interval_date != business_date:
        raise RuntimeError(f"the run was for {interval_date}, not for {business_date}")
    return dag_run


def logical_date_of(business_date: date, cron: str) -> datetime:
    """Logical date of a manual run whose data interval starts on the business date.

    Airflow gives a manual run the last interval that was complete at its logical date, so this is the
    interval's end: the cron's hour and minute on the day after.
    """
    minute, hour = cron.split()[:2]
    return datetime.combine(
        business_date + timedelta(days=1), time(int(hour), int(minute)), tzinfo=load_settings().zone
    )


def _load_dag(dag_id: str) -> Any:
    """The DAG object itself: `dag.test` needs the real tasks, not their serialised form."""
    path = DAGS_DIR / f"{dag_id}.py"
    spec = importlib.util.spec_from_file_location(f"mainstay_dags_{dag_id}", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    from airflow.sdk import DAG

    # The decorated function of the same name makes the DAG; the module's `dag` is what it returned.
    return next(value for value in vars(module).values() if isinstance(value, DAG) and value.dag_id == dag_id)


def _send_step(events: IO[str], event: StepEvent) -> None:
    error = event.error
    _send(
        events,
        kind=event.kind,
        task=event.task,
        seconds=event.seconds,
        detail=event.detail,
        error_type=type(error).__name__ if error else None,
        message=str(error) if error else event.message,
    )


def _send(events: IO[str], **fields: Any) -> None:
    events.write(json.dumps(fields, default=str) + "\n")


def _end_listeners() -> None:
    """Let Airflow's listeners send what they have and end their processes; OpenLineage's would outlive this one."""
    if load_settings().openlineage_url is None:
        return
    from airflow.listeners.listener import get_listener_manager

    try:
        get_listener_manager().hook.before_stopping(component=None)
    except Exception:
        logging.getLogger(__name__).exception("Airflow's listeners could not be ended in order")


def run_and_exit() -> NoReturn:
    """Run `main` and end the process at once.

    Taking down Airflow's in-process API server and its threads costs 1.4 s and saves nothing: every task has ended and
    its state is in the metadata database.
    """
    status = main()
    _end_listeners()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run_and_exit()
