"""Runs the real DAG `mainstay_nightly` once, without a scheduler: what `mainstay nightly` calls.

The DAG runs by Airflow's own `dag.test()` in one process that is started for it (see `worker`), because
Airflow can only be configured before its first import. Airflow's output goes to a file under `var/logs`.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipelines import errors
from pipelines.errors import LockedError, MainstayError
from pipelines.orchestrate.environment import airflow_environment, airflow_home, log_dir
from pipelines.settings import PROJECT_DIR, Settings


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
    business_date: date
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


@dataclass(frozen=True)
class Progress:
    """A task began (`started`) or ended (`succeeded`, `failed`)."""

    task: str
    kind: str
    seconds: float = 0.0
    detail: dict[str, Any] | None = None
    message: str | None = None


def run_nightly_dag(
    business_date: date, settings: Settings, on_progress: Callable[[Progress], None] | None = None
) -> DagRunResult:
    """Run the nightly DAG for one business date and wait for it.

    Args:
        business_date: The date to run for; running it again makes a new run, with a new run id.
        settings: The deployment to run for.
        on_progress: Called in this process as each task begins and ends.

    Returns:
        The result, also of a failed run: see `DagRunResult.raise_for_error`.

    Raises:
        LockedError: another in-process run of this deployment has not ended.
        MainstayError: Airflow itself failed; the text names the log.
    """
    logs = log_dir(settings)
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"nightly-{business_date}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    began = time.monotonic()
    with _one_at_a_time(settings) as lock, log.open("wb") as output:
        events = list(_events(business_date, settings, output, lock, began, on_progress))
    return _result(business_date, events, time.monotonic() - began, log)


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[int]:
    """Hold the deployment's lock: two runs would delete each other's rows in the metadata database."""
    home = airflow_home(settings, "inprocess")
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"another nightly run of {settings.home} has not ended; wait for it, or end it, and run again"
            ) from error
        yield handle
    finally:
        os.close(handle)


def _events(
    business_date: date,
    settings: Settings,
    output: Any,
    lock: int,
    began: float,
    on_progress: Callable[[Progress], None] | None,
) -> Iterator[dict[str, Any]]:
    """Start the worker and yield its events as they come; ends the worker if the caller gives up."""
    reader, writer = os.pipe()
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pipelines.orchestrate.worker",
            f"--business-date={business_date}",
            f"--events={writer}",
        ],
        cwd=PROJECT_DIR,
        env=airflow_environment(settings, "inprocess"),
        stdin=subprocess.PIPE,  # held open: the worker ends when it closes
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(writer, lock),  # with the lock, so that it is held until the worker too has ended
    )
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
        worker.wait()
    finally:
        if worker.poll() is None:
            worker.kill()
        worker.communicate()


def _result(business_date: date, events: list[dict[str, Any]], seconds: float, log: Path) -> DagRunResult:
    ready = next((event for event in events if event["kind"] == "ready"), None)
    finished = next((event for event in events if event["kind"] == "finished"), None)
    if ready is None or finished is None:
        raise MainstayError(
            f"Airflow ended before the run of {business_date} did: {_last_line(log)} (whole log: {log})"
        )
    ended = {event["task"]: event for event in events if event["kind"] in ("succeeded", "failed")}
    tasks = tuple(
        TaskResult(
            name=name,
            state=finished["states"][name],
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
