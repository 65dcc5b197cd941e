"""What a task's code sees of Airflow where a test calls the task itself, without Airflow's scheduler.

One double for all tests: what the code comes to need of a task instance is seen here by the short tests, and the
long ones have it too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class TaskInstance:
    """Airflow's task instance: the states of its run's tasks, and what they left."""

    dag_id: str
    run_id: str
    task_id: str
    states: dict[str, str] = field(default_factory=dict)
    left: dict[tuple[str, str], Any] = field(default_factory=dict)
    """By task and key; the instances of a run share it."""

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        return {self.run_id: dict(self.states)} if dag_id == self.dag_id and self.run_id in run_ids else {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.left[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.left.get((task_ids, key))


def outlet_events() -> dict[Any, SimpleNamespace]:
    """Airflow's events of a task's outlets: each asset's takes what is told of it."""
    return defaultdict(SimpleNamespace)
