"""Runs a real DAG once, without a scheduler: what `mainstay nightly`, `backfill` and `rebuild` call.

The DAG runs by Airflow's own `dag.test()` in one process that is started for it (see `worker`), because
Airflow can only be configured before its first import. Airflow's output goes to a file under `var/logs`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

from pipelines import errors
from pipelines.errors import MainstayError, ProcessKilledError
from pipelines.orchestrate.environment import airflow_environment, airflow_home, log_dir
from pipelines.orchestrate.runlock import one_at_a_time
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse.rights import private_files, private_folder


@dataclass(frozen=True)
class TaskResult:
    """What became of one task; `seconds` is its step's wall-clock time, 0 where it did not run."""

    name: str
    state: str  # Airflow's: success, failed, upstream_failed, …
    seconds: float = 0.0
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class DagRunResult:
    """What became of an in-process run. Grain of `tasks`: one per task, in the DAG's order."""

    run_id: str
    business_date: date | None  # None where the DAG runs for what is in its parameters
    state: str  # success | failed
    tasks: tuple[TaskResult, ...]
    seconds: float
    startup_seconds: float
    migrated: bool
    log: Path
    error: MainstayError | None = field(default=None)

    @property
    def airflow_seconds(self) -> float:
        """The part of `seconds` that no step used: starting Python and Airflow, and their work per task."""
        return self.seconds - sum(task.seconds for task in self.tasks)

    def raise_for_error(self) -> None:
        """Raise the first failed task's error, if there is one."""
        if self.error is not None:
            raise self.error

    def detail(self, task: str) -> dict[str, Any]:
        """What a task's step returned; empty where it did not succeed."""
        return next((t.detail for t in self.tasks if t.name == task and t.detail), {})


@dataclass(frozen=True)
class Progress:
    """A task began (`started`), says what it does or waits for (`said`), or ended (`succeeded`, `failed`)."""

    task: str
    kind: str
    seconds: float = 0.0
    detail: dict[str, Any] | None = None
    message: str | None = None


def run_nightly_dag(
    business_date: date, settings: Settings, on_progress: Callable[[Progress], None] | None = None
) -> DagRunResult:
    """Run the nightly DAG for one business date; running it again makes a new run, with a new run id."""
    return run_dag(
        "mainstay_nightly",
        f"nightly of {business_date}",
        settings,
        business_date=business_date,
        on_progress=on_progress,
    )


def run_dag(
    dag_id: str,
    what: str,
    settings: Settings,
    *,
    business_date: date | None = None,
    conf: dict[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    prepare: Callable[[], None] | None = None,
) -> DagRunResult:
    """Run a DAG and wait for it. The caller must not hold the warehouse's lock: the DAG's steps take it.

    Args:
        dag_id: Also the name of its file in `dags/`.
        what: What runs, for the log's name and for those who wait, say `nightly of 2024-05-01`.
        settings: The deployment to run for.
        business_date: The date to run for, of a DAG with data intervals.
        conf: The parameters, of a DAG without a schedule.
        on_progress: Called in this process as each task begins and ends, and while another run is waited for.
        prepare: Called when no other in-process run goes on, before this one begins.

    Returns:
        The result, also of a failed run: see `DagRunResult.raise_for_error`.

    Raises:
        LockedError: another in-process run of this deployment has not ended within `lock_timeout_seconds`.
        MainstayError: Airflow itself failed; the text names the log.
    """
    asked = [f"--conf={json.dumps(conf)}"] if business_date is None else [f"--business-date={business_date}"]
    logs = log_dir(settings)
    private_folder(settings, logs)
    log = logs / f"{what.replace(' of ', ' ').replace(' ', '-')}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"

    def waiting(text: str) -> None:
        if on_progress is not None:
            on_progress(Progress("", "said", message=text))

    home = private_folder(settings, airflow_home(settings, "inprocess"))
    with (
        private_files(settings),  # the worker's too: Airflow's database has what its tasks say
        one_at_a_time(home, what, settings.lock_timeout_seconds, waiting) as lock,
        log.open("ab") as output,
    ):
        began = time.monotonic()
        if prepare is not None:
            prepare()
        worker = [f"--dag-id={dag_id}", *asked]
        events = list(_events(worker, settings, output, lock, began, on_progress))
        return _result(what, business_date, events, time.monotonic() - began, log)


def _events(
    arguments: list[str],
    settings: Settings,
    output: Any,
    lock: int,
    began: float,
    on_progress: Callable[[Progress], None] | None,
) -> Iterator[dict[str, Any]]:
    """Start the worker and yield its events as they come; ends the worker if the caller gives up."""
    reader, writer = os.pipe()
    worker = start_worker([*arguments, f"--events={writer}"], settings, output, (writer, lock))
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                if event["kind"] == "ready":
                    event["seconds"] = time.monotonic() - began
                elif on_progress is not None and "task" in event:
                    on_progress(
                        Progress(
                            event["task"], event["kind"], event["seconds"], event["detail"], event["message"]
                        )
                    )
                yield event
        yield {"kind": "exited", "code": worker.wait()}
    finally:
        if worker.poll() is None:
            worker.kill()
        worker.communicate()


def start_worker(
    arguments: list[str], settings: Settings, output: IO[bytes], inherited: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Start the process that runs the DAG; the lock is among what it inherits, so that it is held until that has ended."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.orchestrate.worker", *arguments],
        cwd=PROJECT_DIR,
        env=airflow_environment(settings, "inprocess"),
        stdin=subprocess.PIPE,  # held open: the worker ends when it closes
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=inherited,
    )


def _result(
    what: str, business_date: date | None, events: list[dict[str, Any]], seconds: float, log: Path
) -> DagRunResult:
    ready = next((event for event in events if event["kind"] == "ready"), None)
    finished = next((event for event in events if event["kind"] == "finished"), None)
    if ready is None or finished is None:
        raise _ended_early(what, events, log)
    ended = {event["task"]: event for event in events if event["kind"] in ("succeeded", "failed")}
    tasks = tuple(
        TaskResult(
            name=name,
            # Airflow leaves a task out that it would not run, as before its DAG's start_date.
            state=finished["states"].get(name, "left out"),
            seconds=ended.get(name, {}).get("seconds", 0.0),
            detail=ended.get(name, {}).get("detail"),
        )
        for name in finished["order"]
    )
    error = _first_error(events, tasks, log)
    return DagRunResult(
        run_id=finished["run_id"],
        business_date=business_date,
        # A finish that failed does not count for Airflow's state, but the run is not in order.
        state="success" if finished["state"] == "success" and error is None else "failed",
        tasks=tasks,
        seconds=seconds,
        startup_seconds=ready["seconds"],
        migrated=ready["migrated"],
        log=log,
        error=error,
    )


def _ended_early(what: str, events: list[dict[str, Any]], log: Path) -> MainstayError:
    """The error of a worker that ended before its run did: a step's own, where one has failed before."""
    if (error := _first_error(events, (), log)) is not None:
        return error
    code = next((event["code"] for event in events if event["kind"] == "exited"), 0)
    if code < 0:
        return ProcessKilledError(
            f"the process of the {what} was killed ({signal.Signals(-code).name}), by hand or by the system, which does so "
            "when memory runs out; then end other programs, give the machine more, or set a lower duckdb_memory_limit. "
            f"Run the same command again. BI keeps the last published night (whole log: {log})"
        )
    died = next((event for event in events if event["kind"] == "died"), None)
    said = f"{died['error_type']}: {died['message']}" if died else _last_line(log)
    return MainstayError(f"Airflow ended before the {what} did: {' '.join(said.split())} (whole log: {log})")


def _first_error(
    events: list[dict[str, Any]], tasks: tuple[TaskResult, ...], log: Path
) -> MainstayError | None:
    for event in events:
        if event["kind"] == "failed":
            known = getattr(errors, event["error_type"], None)
            if isinstance(known, type) and issubclass(known, MainstayError):
                return known(event["message"])
            return MainstayError(
                f"{event['task']} failed with {event['error_type']}: {event['message']} (whole log: {log})"
            )
    broken = [task.name for task in tasks if task.state != "success"]
    if broken:
        return MainstayError(f"{broken[0]} did not succeed ({_last_line(log)}); whole log: {log}")
    return None


def _last_line(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    return text.splitlines()[-1].strip() if text else "it left no message"
