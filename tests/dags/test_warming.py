"""The scheduler imports what its tasks need, once, and nothing that a fork would not survive; no other process does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import Settings
from tests.dags.airflow_world import run_python

STARTED = """
import multiprocessing, sys, threading
multiprocessing.set_start_method({method!r})
sys.argv = ["airflow", {service!r}]
from airflow.jobs.job import Job
from airflow.listeners.listener import get_listener_manager
class OfATask: pass
get_listener_manager().hook.on_starting(component=OfATask())
assert "great_expectations" not in sys.modules
Job()
import psutil
held = [name for name in sys.modules if name in ("great_expectations", "dbt")]
process = psutil.Process()
opened = [f.path for f in process.open_files() if f.path.endswith(".duckdb")]
print("found", *held, threading.active_count(), len(process.children()), *opened)
"""


@pytest.mark.parametrize(
    ("service", "executor", "method", "found"),
    [
        ("scheduler", "LocalExecutor", "fork", "found great_expectations 1 0"),
        ("scheduler", "LocalExecutor", "spawn", "found 1 0"),
        ("scheduler", "CeleryExecutor", "fork", "found 1 0"),
        ("dag-processor", "LocalExecutor", "fork", "found 1 0"),
    ],
)
def test_the_scheduler_alone_imports_what_tasks_need(
    tmp_path: Path, service: str, executor: str, method: str, found: str
) -> None:
    env = airflow_environment(Settings(home=tmp_path), "services")
    started = STARTED.format(service=service, method=method)
    said = run_python(started, env | {"AIRFLOW__CORE__EXECUTOR": executor})
    assert said.splitlines()[-1] == found
