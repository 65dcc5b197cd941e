"""The scheduler imports what its tasks need, once, and nothing that a fork would not survive; no other process does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import Settings
from tests.dags.airflow_world import run_python

STARTED = """
import sys, threading
sys.argv = ["airflow", {service!r}]
from airflow.jobs.job import Job
Job()
import psutil
held = [name for name in sys.modules if name in ("great_expectations", "dbt")]
process = psutil.Process()
opened = [f.path for f in process.open_files() if f.path.endswith(".duckdb")]
print("found", *held, threading.active_count(), len(process.children()), *opened)
"""


@pytest.mark.parametrize(
    ("service", "executor", "found"),
    [
        ("scheduler", "LocalExecutor", "found great_expectations 1 0"),
        ("scheduler", "airflow.executors.sequential_executor.Other", "found 1 0"),
        ("dag-processor", "LocalExecutor", "found 1 0"),
    ],
)
def test_the_scheduler_alone_imports_what_tasks_need(
    tmp_path: Path, service: str, executor: str, found: str
) -> None:
    env = airflow_environment(Settings(home=tmp_path), "services")
    said = run_python(STARTED.format(service=service), env | {"AIRFLOW__CORE__EXECUTOR": executor})
    assert said.splitlines()[-1] == found
