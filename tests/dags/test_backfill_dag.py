"""The DAG `mainstay_backfill`: what its parameters make of the steps, by real in-process runs with doubled steps."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow_world import CHAIN, Deployment
from shortening import soak

from pipelines.errors import LandingError, SettingsError, ValidationFailedError
from pipelines.orchestrate.inprocess import DagRunResult, Progress, run_dag
from pipelines.orchestrate.request import Backfill
from pipelines.settings import Settings

FIRST, LAST = date(2024, 5, 1), date(2024, 5, 31)


def land(settings: Settings, day: date, dataset: str = "transactions") -> Path:
    path = settings.landing / dataset / str(day) / f"{dataset}.csv"
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def run(deployment: Deployment, conf: dict[str, Any], seen: list[Progress] | None = None) -> DagRunResult:
    heard = seen.append if seen is not None else None
    return run_dag("mainstay_backfill", "backfill", deployment.settings, conf=conf, on_progress=heard)


def test_a_backfill_calls_every_step_once_for_its_range(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(deployment.settings, date(2024, 5, 7))
    asked = Backfill(FIRST, LAST, datasets=("transactions", "feedback"), remove_missing=True)
    monkeypatch.setenv("STEPS_SAY", "load")
    seen: list[Progress] = []
    result = run(deployment, asked.params(), seen)
    result.raise_for_error()
    assert result.state == "success"
    days = [str(FIRST), str(LAST)]
    only = {"datasets": ["transactions", "feedback"]}
    # Nothing is published, and the last landed date of the range is the 7th.
    as_of = "2024-05-07"
    expected = {
        "start": ["backfill", as_of],
        "land": [*days, {**only, "allow_missing": True}],
        "load": [*days, {**only, "reload": True, "remove_missing": True}],
        "stage": [as_of],
        "build": [as_of],
        "fit": [as_of],
        "publish": [as_of, {"rebuild_if_needed": True, "compare": True}],
        "finish": [str(LAST), "success", None],
    }
    assert deployment.calls == [
        [name, result.run_id, *expected.get(name, days)] for name in ["start", *CHAIN]
    ]
    assert [(p.task, p.message) for p in seen if p.kind == "said"] == [("load", "waiting for process 1")]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"last_date": "2024-04-30"}, SettingsError, r"the range ends \(2024-04-30\) before it starts"),
        soak(
            {},
            LandingError,
            "no file is landed for 2024-05-01 to 2024-05-31: expected .*landing/transactions",
        ),
    ],
    ids=["swapped", "nothing landed"],
)
def test_a_range_that_makes_no_sense_fails_at_once_and_no_step_is_called(
    deployment: Deployment, change: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    result = run(deployment, Backfill(FIRST, LAST).params() | change)
    assert result.state == "failed"
    assert result.tasks[0].state == "failed"
    with pytest.raises(error, match=sentence):
        result.raise_for_error()
    assert set(deployment.names) <= {"finish"}


@pytest.mark.soak
def test_a_failed_backfill_keeps_its_own_error_and_closes_the_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(deployment.settings, FIRST)
    monkeypatch.setenv("STEPS_FAIL", "validate_raw")
    monkeypatch.setenv("STEPS_ERROR", "ValidationFailedError")
    result = run(deployment, Backfill(FIRST, LAST, changed_only=True).params())
    with pytest.raises(ValidationFailedError, match=r"line 3 of a\.csv"):
        result.raise_for_error()
    assert deployment.names == ["start", "land", "validate_land", "load", "validate_raw", "finish"]
    # Unchanged files are left alone, so nothing is asked of the load beside its range.
    assert deployment.calls[3][2:] == [str(FIRST), str(LAST)]
    assert deployment.calls[-1][3] == "failed"


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    asked = Backfill.from_params(Backfill(FIRST, LAST).params() | {"datasets": ["sales"]})
    with pytest.raises(SettingsError, match="unknown dataset sales; use transactions, customers"):
        asked.require_files(Settings(home=tmp_path))


def test_what_is_asked_for_survives_the_way_through_the_parameters() -> None:
    asked = Backfill(FIRST, LAST, ("feedback",), True, True, LAST, True, "the till's export was late")
    assert Backfill.from_params(asked.params()) == asked
    assert Backfill.from_params(Backfill(FIRST, LAST).params()) == Backfill(FIRST, LAST)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "first_date is missing"),
        ({"first_date": "2024-05-01"}, "last_date is missing"),
        ({"first_date": "May", "last_date": "2024-05-01"}, "first_date is 'May', which is no date"),
    ],
)
def test_a_missing_date_is_named(params: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Backfill.from_params(params)


def test_the_marts_do_not_move_on_to_days_that_are_not_landed_or_not_over(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    today = datetime.now(settings.zone).date()
    for day in (FIRST, LAST, today):
        land(settings, day)
    assert Backfill(FIRST, date(2024, 5, 20)).as_of_date(settings) == FIRST
    assert Backfill(FIRST, today + timedelta(days=400)).as_of_date(settings) == LAST
    assert Backfill(FIRST, LAST, as_of=date(2024, 5, 3)).as_of_date(settings) == date(2024, 5, 3)
