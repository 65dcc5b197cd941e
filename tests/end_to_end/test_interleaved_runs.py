"""Two runs of the DAGs in one deployment, their tasks taking turns: what is served is all that both loaded.

Each case names its seed; INTERLEAVINGS=20 tries 20 seeds of each.
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from deployments import Deployment
from interleaving_world import SEEDS, Run, Shop, day, interleave, three_nights
from nights_world import sales
from shortening import only

from pipelines import steps
from pipelines.orchestrate import tasks
from pipelines.warehouse.lock import warehouse_lock

pytestmark = pytest.mark.usefixtures("with_few_checks")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return three_nights(tmp_path_factory.mktemp("interleaved"))


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
    called = re.findall(r"(run_step\(.*\)|finish_run\(\))$", wiring, re.MULTILINE)
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
        'run_step("export")',
        "finish_run()",
    ]


SCENARIOS: dict[str, tuple[int, int, int | None]] = {
    # name: date of A, date of B, first date of A where it is a backfill
    "one date after the other": (4, 5, None),
    "backwards": (5, 2, None),
    "same date twice": (4, 4, None),
    "backfill and night": (3, 4, 1),
}


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "scenario",
    only(SCENARIOS, "backfill and night"),
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


@pytest.mark.soak
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
