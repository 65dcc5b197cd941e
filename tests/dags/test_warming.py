"""The scheduler imports what its tasks need, once, and nothing that a fork would not survive; no other process does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import Settings
from tests.dags.airflow_world import run_python

STARTED = """
import multiprocessing, os, sys, threading
sys.argv = ["airflow", {service!r}]
from airflow.jobs.job import Job
from airflow.listeners.listener import get_listener_manager

class OfATask: pass
get_listener_manager().hook.on_starting(component=OfATask())
for executor, method in (("LocalExecutor", "spawn"), ("CeleryExecutor", "fork"), ("LocalExecutor", "fork")):
    os.environ["AIRFLOW__CORE__EXECUTOR"] = executor
    multiprocessing.set_start_method(method, force=True)
    assert "great_expectations" not in sys.modules, executor
    Job()
import psutil
held = [name for name in sys.modules if name in ("great_expectations", "dbt")]
process = psutil.Process()
opened = [f.path for f in process.open_files() if f.path.endswith(".duckdb")]
print("found", *held, threading.active_count(), len(process.children()), *opened)
"""


@pytest.mark.parametrize(
    ("service", "found"), [("scheduler", "found great_expectations 1 0"), ("dag-processor", "found 1 0")]
)
def test_the_scheduler_alone_imports_what_tasks_need(tmp_path: Path, service: str, found: str) -> None:
    """And not before a task, nor where tasks are no forks: with another executor, or other processes."""
    said = run_python(
        STARTED.format(service=service), airflow_environment(Settings(home=tmp_path), "services")
    )
    assert said.splitlines()[-1] == found
