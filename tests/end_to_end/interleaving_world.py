"""Two runs of the DAGs in one deployment, their tasks taking turns in any order that the pool's one slot permits.

The tasks are called as the DAGs call them (`pipelines.orchestrate.tasks`), with the real steps behind them.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deployments import Deployment, started
from served import assert_served, served_as_of, tables_from_scratch
from task_instances import TaskInstance

from pipelines.errors import MainstayError
from pipelines.orchestrate import tasks
from tests.end_to_end.nights_world import sales
from tests.soak.purity.judge import Tables

FIRST = date(2024, 5, 1)
SEEDS = range(int(os.environ.get("INTERLEAVINGS", "1")))
"""Of each case; a test names its seed, and INTERLEAVINGS=20 tries 20."""

TASKS: dict[str, Callable[[], dict[str, Any]]] = {
    "land": lambda: tasks.run_step("land", opens_run=True),
    "validate_land": lambda: tasks.run_step("validate", stage="land"),
    "load": lambda: tasks.run_step("load"),
    "validate_raw": lambda: tasks.run_step("validate", stage="raw"),
    "stage": lambda: tasks.run_step("stage"),
    "validate_staging": lambda: tasks.run_step("validate", stage="staging"),
    "build": lambda: tasks.run_step("build"),
    "fit": lambda: tasks.run_step("fit"),
    "validate_marts": lambda: tasks.run_step("validate", stage="marts"),
    "publish": lambda: tasks.run_step("publish"),
    "finish": lambda: tasks.finish_run(),
}
"""The calls of `pipelines/orchestrate/wiring.py`."""


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


@dataclass
class Run:
    """A run of a DAG, as Airflow's context describes it to the task."""

    deployment: Deployment
    name: str
    last: date
    first: date | None = None
    """Given, it is a backfill of the range."""
    states: dict[str, str] = field(default_factory=dict)
    left: dict[tuple[str, str], Any] = field(default_factory=dict)
    error: MainstayError | None = None

    @property
    def is_over(self) -> bool:
        return "finish" in self.states

    def advance(self) -> None:
        """Do the next task; after a failure only `finish` is left."""
        task_id = next(t for t in TASKS if t not in self.states)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tasks, "_current_run", lambda: self._context(task_id))
                self.left[task_id, "return_value"] = TASKS[task_id]()
            self.states[task_id] = "success"
        except MainstayError as error:
            self.error = error
            self.states[task_id] = "failed"
            self.states |= {t: "upstream_failed" for t in TASKS if t not in (*self.states, "finish")}

    def _context(self, task_id: str) -> tasks._Run:
        # The interval starts at 04:00 in the reporting timezone; noon UTC is the same local date in all that we test.
        start = datetime(self.last.year, self.last.month, self.last.day, 12, tzinfo=UTC)
        is_backfill = self.first is not None
        params = {"first_date": str(self.first), "last_date": str(self.last)} if is_backfill else {}
        dag = SimpleNamespace(
            dag_id=tasks.BACKFILL_DAG if is_backfill else "mainstay_nightly", task_dict=dict(TASKS)
        )
        ti = TaskInstance(dag.dag_id, self.name, task_id, self.states, self.left)
        dag_run = SimpleNamespace(run_id=self.name, data_interval_start=start, run_after=start)
        context = {"dag": dag, "params": params, "ti": ti, "dag_run": dag_run}
        return tasks._Run(self.deployment.settings, self.name, task_id, context)


def interleave(runs: list[Run], seed: int) -> str:
    """Let the runs take turns by the seed until all are over; gives the order, one letter a task."""
    order, chance = "", random.Random(seed)
    while going := [run for run in runs if not run.is_over]:
        run = chance.choice(going)
        run.advance()
        order += run.name[0]
    return order


@dataclass
class Shop:
    """A deployment with three published nights that each test finds as they were."""

    deployment: Deployment
    kept: Path
    scratch: Path
    from_scratch: dict[str, Tables] = field(default_factory=dict)

    def restore(self) -> Deployment:
        home = self.deployment.settings.home
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.kept, home, symlinks=True)
        return self.deployment

    def judge(self, scenario: str, as_of: date) -> None:
        """BI sees the newest date, and all that was loaded, as from one load of the landing files."""
        settings = self.deployment.settings
        assert served_as_of(settings) == as_of
        if scenario not in self.from_scratch:
            home = self.scratch / scenario
            self.from_scratch[scenario] = tables_from_scratch(settings, home, as_of)
        assert_served(settings, self.from_scratch[scenario])


def three_nights(folder: Path) -> Shop:
    """A shop below `folder` that three nights are published of."""
    deployment = started(folder / "shop")
    for number in (1, 2, 3):
        deployment.land("transactions", day(number), sales(day(number)))
    run = Run(deployment, "base", day(3), first=day(1))
    while not run.is_over:
        run.advance()
    assert run.error is None
    shutil.copytree(deployment.settings.home, folder / "kept", symlinks=True)
    return Shop(deployment, folder / "kept", folder)
