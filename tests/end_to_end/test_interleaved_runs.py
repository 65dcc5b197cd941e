"""Two runs of the DAGs in one deployment, their tasks taking turns in any order that the pool's one slot permits.

The tasks are called as the DAGs call them (`pipelines.orchestrate.tasks`), with the real steps behind them.
Each case names its seed; INTERLEAVINGS=20 tries 20 seeds of each.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deployments import Deployment, started
from nights_world import sales
from served import assert_served, served_as_of, tables_from_scratch

from bench.purity.judge import Tables
from pipelines import steps
from pipelines.errors import MainstayError, ValidationFailedError
from pipelines.orchestrate import tasks
from pipelines.warehouse.lock import warehouse_lock

FIRST = date(2024, 5, 1)
SEEDS = range(int(os.environ.get("INTERLEAVINGS", "1")))

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
                TASKS[task_id]()
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
        ti = SimpleNamespace(
            dag_id=dag.dag_id,
            xcom_push=lambda key, value: None,
            xcom_pull=lambda task_ids, key: str(self.error),
            get_task_states=lambda dag_id, run_ids: {run_ids[0]: dict(self.states)},
        )
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


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("interleaved")
    deployment = started(folder / "shop")
    for number in (1, 2, 3):
        deployment.land("transactions", day(number), sales(day(number)))
    run = Run(deployment, "base", day(3), first=day(1))
    while not run.is_over:
        run.advance()
    assert run.error is None
    shutil.copytree(deployment.settings.home, folder / "kept", symlinks=True)
    return Shop(deployment, folder / "kept", folder)


@pytest.fixture
def shop(kept: Shop) -> Shop:
    kept.restore()
    return kept


def correct(deployment: Deployment, number: int) -> None:
    """A replaced export: fewer rows, another amount, and a line of the day before that comes late."""
    rows = [row | {"net_amount": "77.70"} for row in sales(day(number), 7)]
    deployment.land("transactions", day(number), [*rows, *sales(day(number - 1), 14)[12:]])


def test_the_tasks_are_those_of_the_dag() -> None:
    wiring = Path(str(tasks.__file__)).with_name("wiring.py").read_text(encoding="utf-8")
    called = [line.strip().removeprefix("return ") for line in wiring.splitlines() if "return " in line]
    assert called == [
        'run_step("land", opens_run=True)',
        'run_step("validate", stage="land")',
        'run_step("load")',
        'run_step("validate", stage="raw")',
        'run_step("stage")',
        'run_step("validate", stage="staging")',
        'run_step("build")',
        'run_step("fit")',
        'run_step("validate", stage="marts")',
        'run_step("publish")',
        "finish_run()",
    ]


SCENARIOS: dict[str, tuple[int, int, int | None]] = {
    # name: date of A, date of B, first date of A where it is a backfill
    "one date after the other": (4, 5, None),
    "backwards": (5, 2, None),
    "same date twice": (4, 4, None),
    "backfill and night": (3, 4, 1),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "scenario",
    [s if s == "backfill and night" else pytest.param(s, marks=pytest.mark.soak) for s in SCENARIOS],
)
def test_two_runs_that_take_turns_serve_all_that_both_loaded(shop: Shop, scenario: str, seed: int) -> None:
    last, other, first = SCENARIOS[scenario]
    deployment = shop.deployment
    for number in {last, other} - {1, 2, 3}:
        deployment.land("transactions", day(number), sales(day(number)))
    correct(deployment, 2)
    if scenario in ("one date after the other", "same date twice"):  # nobody loads the correction
        deployment.land("transactions", day(2), sales(day(2)))
    a = Run(deployment, "a-run", day(last), first=day(first) if first else None)
    b = Run(deployment, "b-run", day(other))
    order = interleave([a, b], seed)
    assert (a.error, b.error) == (None, None), order
    assert deployment.query("select run_id, status from ops.runs where run_id like '%-run' order by 1") == [
        ("a-run", "success"),
        ("b-run", "success"),
    ], order
    shop.judge(scenario, day(max(last, other)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.soak
def test_of_a_run_that_fails_its_expectations_nothing_is_served(shop: Shop, seed: int) -> None:
    """The other run is either served without the failed one's rows or fails with it, by name of what is in its way."""
    deployment = shop.deployment
    served = deployment.settings.serving / "marts.duckdb"
    bad, good = day(4), day(5)
    addresses = [row | {"customer_id": "a@b.example"} for row in sales(bad)]
    deployment.land("transactions", bad, addresses)
    deployment.land("transactions", good, sales(good))
    a, b = Run(deployment, "a-run", bad), Run(deployment, "b-run", good)
    order = interleave([a, b], seed)
    assert isinstance(a.error, ValidationFailedError), order
    assert b.error is None or "transactions 2024-05-04" in str(b.error), order
    assert served_as_of(deployment.settings) == (day(3) if b.error else good), order
    found = deployment.query("select count(*) from fct_transactions where customer_id like '%@%'", served)
    assert found == [(0,)], order
    assert deployment.query("select distinct status from ops.runs where run_id = 'a-run'") == [("failed",)]

    deployment.land("transactions", bad, sales(bad))
    again = [Run(deployment, "a-run", bad), *([Run(deployment, "b-run", good)] if b.error else [])]
    for run in again:
        while not run.is_over:
            run.advance()
        assert run.error is None, order
    shop.judge("mended", good)


def test_a_publish_that_waited_does_not_take_bi_back_in_time(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """A command is no task: it may publish a later date while a night's task waits for the lock, its date in hand."""
    deployment, settings, late = shop.deployment, shop.deployment.settings, day(5)
    for number in (4, 5):
        deployment.land("transactions", day(number), sales(day(number)))
    night = Run(deployment, "a-run", day(4))
    while "validate_marts" not in night.states:
        night.advance()
    heard: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks._Run, "say", lambda _, text: heard.append(text))
        waiting = threading.Thread(target=night.advance)
        with warehouse_lock(settings, "publish", "by-hand"):
            waiting.start()
            deadline = time.monotonic() + 60
            while not any("publish of run by-hand" in text for text in (*heard, *caplog.messages)):
                assert time.monotonic() < deadline, (heard, caplog.messages)
                time.sleep(0.05)
            steps.start(settings, "by-hand", "nightly", late)
            steps.load(settings, "by-hand", late, late)
            steps.build(settings, "by-hand", late)
            steps.publish(settings, "by-hand", late, rebuild_if_needed=True)
        waiting.join(300)
    assert night.states["publish"] == "success", night.error
    shop.judge("one date after the other", late)
