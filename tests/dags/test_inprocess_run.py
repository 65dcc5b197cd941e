"""`run_nightly_dag`: the real DAG in a process of its own, with doubled steps."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airflow_world import CHAIN, DAY, Deployment

from pipelines.errors import LockedError, MainstayError, PublishError, ValidationFailedError
from pipelines.orchestrate.environment import airflow_home
from pipelines.orchestrate.inprocess import Progress, run_nightly_dag
from pipelines.settings import PROJECT_DIR

STEPS = ["start", *CHAIN]


def test_a_night_calls_every_step_once_for_its_date_and_again_under_a_new_run_id(
    deployment: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[Progress] = []
    first = run_nightly_dag(DAY, deployment.settings, seen.append)
    first.raise_for_error()
    assert first.state == "success"
    assert [task.name for task in first.tasks] == CHAIN
    assert {task.state for task in first.tasks} == {"success"}
    assert first.tasks[0].detail == {"rows": 1}
    assert [(p.task, p.kind) for p in seen] == [(n, k) for n in CHAIN for k in ("started", "succeeded")]
    day = str(DAY)
    ranged = {"land", "load", "validate_land", "validate_raw", "validate_staging", "validate_marts"}
    extra = {"start": ["nightly", day], "finish": [day, "success", None]}
    assert deployment.calls == [
        [name, first.run_id, *extra.get(name, [day, day] if name in ranged else [day])] for name in STEPS
    ]

    second = run_nightly_dag(DAY, deployment.settings)
    assert second.state == "success"
    assert second.run_id != first.run_id
    assert not second.migrated
    assert deployment.names == STEPS * 2
    assert "".join(capfd.readouterr()) == ""
    secrets = airflow_home(deployment.settings, "inprocess") / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "step", ["validate_land", "validate_raw", "validate_staging", "validate_marts", "publish"]
)
def test_a_failed_step_stops_the_night_closes_the_run_and_gives_its_own_error(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    error = PublishError if step == "publish" else ValidationFailedError
    monkeypatch.setenv("STEPS_FAIL", step)
    monkeypatch.setenv("STEPS_ERROR", error.__name__)
    result = run_nightly_dag(DAY, deployment.settings)
    assert result.state == "failed"
    failing = CHAIN.index(step)
    assert {task.name: task.state for task in result.tasks} == {
        **dict.fromkeys(CHAIN[:failing], "success"),
        step: "failed",
        **dict.fromkeys(CHAIN[failing + 1 :], "upstream_failed"),
        "finish": "success",
    }
    with pytest.raises(error, match=rf"^{step}: line 3 of a.csv is wrong$"):
        result.raise_for_error()
    assert deployment.names == ["start", *CHAIN[: failing + 1], "finish"]
    assert deployment.calls[-1][3:] == ["failed", f"{step}: {step}: line 3 of a.csv is wrong"]
    assert f"Mainstay: mainstay_nightly.{step} failed" in result.log.read_text()


def test_a_failed_finish_is_a_failed_night(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS_FAIL", "finish")
    monkeypatch.setenv("STEPS_ERROR", "MainstayError")
    result = run_nightly_dag(DAY, deployment.settings)
    assert result.state == "failed"
    with pytest.raises(MainstayError, match="finish: line 3"):
        result.raise_for_error()


def test_a_process_that_dies_is_reported_with_its_log(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPS_KILL", "load")
    with pytest.raises(MainstayError, match=r"Airflow ended before the run .*nightly-2017-12-30-.*\.log"):
        run_nightly_dag(DAY, deployment.settings)


def _wait_for_call(deployment: Deployment, name: str) -> None:
    deadline = time.monotonic() + 60
    while name not in deployment.names:
        assert time.monotonic() < deadline, f"{name} was not called; calls: {deployment.names}"
        time.sleep(0.1)


def test_a_second_night_is_refused_while_one_runs_and_a_killed_caller_ends_its_night(
    deployment: Deployment, tmp_path: Path
) -> None:
    code = (
        "import datetime, pathlib; from pipelines.settings import Settings\n"
        "from pipelines.orchestrate.inprocess import run_nightly_dag\n"
        f"settings = Settings(home=pathlib.Path({str(deployment.settings.home)!r}))\n"
        "run_nightly_dag(datetime.date(2017, 12, 30), settings)"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "STEPS_SLEEP": "load"}, cwd=PROJECT_DIR
    )
    try:
        _wait_for_call(deployment, "load")
        with pytest.raises(LockedError, match="has not ended"):
            run_nightly_dag(DAY, deployment.settings)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    deadline = time.monotonic() + 10
    while True:  # the lock is free only when the killed caller's worker has ended too
        try:
            result = run_nightly_dag(DAY, deployment.settings)
            break
        except LockedError:
            assert time.monotonic() < deadline, "the worker outlived its caller"
            time.sleep(0.2)
    assert result.state == "success"
    assert deployment.names == ["start", "land", "validate_land", "load", *STEPS]
