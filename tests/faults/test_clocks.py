"""Clocks that go back, or differ between two machines: what came first is known by the ledger's order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import pytest
from deployments import Deployment, mainstay, says_one_thing
from faults_world import FIRST, SECOND, days_after, sales, served

from pipelines import steps
from pipelines.cli import state
from pipelines.publish import versions
from pipelines.steps.record import recorded
from pipelines.warehouse import ledger, standing

Clock = Callable[[timedelta], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the clock that every module of Mainstay reads, so far from the true one."""
    offset = timedelta()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + offset

    def shift(by: timedelta) -> None:
        nonlocal offset
        offset = by

    import pipelines.data_docs.write
    import pipelines.publish.swap  # noqa: F401

    modules = [m for name, m in sys.modules.items() if name.startswith("pipelines.")]
    for module in modules:
        if vars(module).get("datetime") is datetime and not module.__name__.endswith(("settings", "catalog")):
            monkeypatch.setattr(module, "datetime", Shifted)
    for module in (ledger.runs, ledger.tables):
        assert module.datetime is Shifted  # type: ignore[attr-defined, comparison-overlap]
    return shift


def opened(shop: Deployment, kind: str, day: date) -> str:
    run_id = ledger.new_run_id(kind, day)
    steps.start(shop.settings, run_id, kind, day)
    return run_id


@pytest.mark.soak
def test_a_night_during_which_the_clock_goes_back_is_published(shop: Deployment, clock: Clock) -> None:
    """Each step a day before the one that it follows: still the build comes after the night before's."""
    settings = shop.settings
    shop.land("transactions", SECOND, sales(SECOND))
    began: list[Any] = []

    def then(step: Callable[..., Any], *arguments: Any) -> Any:
        clock(timedelta(days=-len(began)))
        began.append(step)
        return step(settings, *arguments)

    run_id = ledger.new_run_id("nightly", SECOND)
    then(steps.start, run_id, "nightly", SECOND)
    then(steps.land, run_id, SECOND, SECOND)
    then(steps.load, run_id, SECOND, SECOND)
    then(steps.validate, run_id, "raw", SECOND, SECOND)
    then(steps.stage, run_id, SECOND)
    then(steps.build, run_id, SECOND)
    then(steps.fit, run_id, SECOND)
    assert standing.built_as_of(settings) == SECOND
    assert not standing.are_marts_validated(settings)
    then(steps.validate, run_id, "marts", SECOND, SECOND)
    assert standing.are_marts_validated(settings)
    then(steps.publish, run_id, SECOND)
    then(steps.close, run_id, "success")
    assert served(shop)[:2] == (run_id, SECOND)

    newest, before = versions(settings)
    assert (newest.run_id, newest.is_current) == (run_id, True)
    assert (
        newest.published_at < before.published_at
    )  # as the clock said; what came later is known by its place
    report = state.gather(settings, 5)
    assert report["runs"][0]["run_id"] == run_id
    assert [s["step"] for s in report["steps"]] == [
        "land", "load", "validate_raw", "stage", "build", "fit", "validate_marts", "publish",
    ]  # fmt: skip

    clock(timedelta(days=-30))
    assert mainstay(settings.home, "publish", "--rollback").exit_code == 0
    assert served(shop)[1] == FIRST


def test_what_was_built_and_validated_last_is_known_where_the_clock_goes_back(
    shop: Deployment, clock: Clock
) -> None:
    """The steps' entries alone, each a day before the one that it follows, and all before those of the night before."""
    settings, run_id = shop.settings, ledger.new_run_id("nightly", SECOND)
    steps.start(settings, run_id, "nightly", SECOND)
    for back, step in enumerate(("stage", "build", "fit", "validate_marts"), 1):
        assert standing.are_marts_validated(settings) == (step != "validate_marts")
        clock(timedelta(days=-back))
        recorded(settings, run_id, step, lambda: {"as_of_date": str(SECOND)})
    assert standing.built_as_of(settings) == SECOND
    assert standing.are_marts_validated(settings)
    entries = shop.query("select step from ops.steps where run_id = '" + run_id + "' order by started_at")
    assert [step for (step,) in entries] == ["validate_marts", "fit", "build", "stage"]


def test_two_machines_take_turns_with_clocks_a_day_apart(shop: Deployment, clock: Clock) -> None:
    runs = []
    for number, offset in enumerate((1, -1, 1, -1)):
        clock(timedelta(days=offset))
        day = days_after(SECOND, number)
        shop.land("transactions", day, sales(day))
        run_id = opened(shop, "load", day)
        steps.load(shop.settings, run_id, day, day)
        steps.close(shop.settings, run_id, "success")
        runs.append(run_id)
        assert [r["run_id"] for r in state.gather(shop.settings, number + 1)["runs"]] == runs[::-1]
    assert {r["status"] for r in state.gather(shop.settings, 4)["runs"]} == {"success"}
    assert shop.query("select count(*) from raw.transactions") == [(5 * 12,)]


def test_a_clock_before_all_landed_dates_is_named(shop: Deployment, clock: Clock) -> None:
    clock(datetime(2020, 1, 1, 12, tzinfo=UTC) - datetime.now(UTC))
    says_one_thing(mainstay(shop.settings.home, "land"), 3, f"landed from {FIRST} on", "clock", "2020-01-01")


@pytest.mark.soak
def test_after_a_night_of_a_clock_in_the_future_the_next_bears_its_own_time_and_comes_after(
    shop: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = shop.settings
    for layout, ahead in enumerate((timedelta(days=400), timedelta()), 100):
        clock(ahead)
        monkeypatch.setattr("pipelines.publish.build.LAYOUT", layout)  # there is something to publish
        assert mainstay(settings.home, "publish").exit_code == 0
        newest = versions(settings)[0]
        assert newest.is_current
        now = datetime.now(UTC) + ahead
        assert now - timedelta(minutes=5) < newest.published_at <= now
        assert newest.version.startswith(f"{newest.published_at:%Y%m%dT%H%M%S}")
    of_the_future, first = versions(settings)[1:]
    assert of_the_future.published_at > newest.published_at > first.published_at
    assert mainstay(settings.home, "publish", "--rollback").exit_code == 0
    assert [v.version for v in versions(settings) if v.is_current] == [of_the_future.version]
    assert mainstay(settings.home, "publish", "--rollback").exit_code == 0
    assert [v.version for v in versions(settings) if v.is_current] == [first.version]


def test_a_run_of_a_clock_in_the_future_is_marked_killed_when_its_process_is_none(
    shop: Deployment, clock: Clock
) -> None:
    """A scheduler's run has no process of its own: it must not stand as running until time has caught up."""
    clock(timedelta(days=400))
    steps.start(shop.settings, "scheduled__1", "nightly", SECOND, is_own_process=False)
    clock(timedelta())
    opened(shop, "load", SECOND)
    assert shop.query("select status from ops.runs where run_id = 'scheduled__1'") == [("killed",)]
