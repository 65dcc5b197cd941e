"""`run_nightly_dag`: the real DAG in a process of its own, with doubled steps."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing

import pytest
from airflow_world import CHAIN, DAY, EXPORTING, Deployment
from pydantic import SecretStr
from receiver import Receiver, names, receiver
from shortening import only

from pipelines.errors import (
    BuildError,
    ExportError,
    LockedError,
    MainstayError,
    ProcessKilledError,
    PublishError,
    ValidationFailedError,
)
from pipelines.forget.airflow import _REASONS, _TEXTS, blank_airflow
from pipelines.orchestrate.environment import airflow_home
from pipelines.orchestrate.inprocess import Progress, run_nightly_dag
from pipelines.settings import PROJECT_DIR

STEPS = ["start", *CHAIN]


def test_a_night_calls_every_step_once_for_its_date_and_again_under_a_new_run_id(
    deployment: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        # One more folder on the path, and no process of `warm_workers` stands for the worker: this one is started.
        patch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(PROJECT_DIR / "tests")]))
        first = run_nightly_dag(DAY, deployment.settings, seen.append)
    first.raise_for_error()
    assert first.state == "success"
    assert [task.name for task in first.tasks] == CHAIN
    assert {task.state for task in first.tasks} == {"success"}
    assert first.tasks[0].detail == {"rows": 1}
    assert [(p.task, p.kind) for p in seen] == [(n, k) for n in CHAIN for k in ("started", "succeeded")]
    day = str(DAY)
    ranged = {"land", "load", "validate_land", "validate_raw", "validate_staging", "validate_marts"}
    extra = {
        "start": ["nightly", day],
        "publish": [day, {"rebuild_if_needed": True}],
        "finish": [day, "success", None],
    }
    assert deployment.calls == [
        [name, first.run_id, *extra.get(name, [day, day] if name in ranged else [day])] for name in STEPS
    ]

    # What is blanked when a person is erased is there in this version of Airflow, which needs none of it.
    path = airflow_home(deployment.settings, "inprocess") / "airflow.db"
    said = "select count(*) from xcom where value like '%rows%'"
    with closing(sqlite3.connect(path)) as database:
        for table, column in [*_TEXTS, *_REASONS]:
            assert column in [row[1] for row in database.execute(f"pragma table_info({table})")], table
        assert database.execute(said).fetchall() != [(0,)]
    assert blank_airflow(deployment.settings) > len(CHAIN)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(said).fetchall() == [(0,)]

    # An Asset of this name that an earlier version gave another URI is let go of.
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("update asset_active set uri = name")
        database.execute("update asset set uri = name")
    with receiver() as lineage:
        told = deployment.settings.model_copy(update={"openlineage_url": lineage.url})
        second = run_nightly_dag(DAY, told)
    assert second.state == "success"
    lineage.require_valid()
    _is_the_nights(lineage, deployment)
    assert second.run_id != first.run_id
    assert not second.migrated
    assert deployment.names == STEPS * 2
    log = second.log.read_text()
    assert "[error" not in log
    assert f"build for {DAY}, business dates by the clock of Asia/Shanghai" in log
    assert f"Published as of {DAY}: version v2, 1,234 rows" in log
    assert re.search(r"dim_dates +2 +3 +\+1\b", log)
    assert "".join(capfd.readouterr()) == ""
    secrets = airflow_home(deployment.settings, "inprocess") / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


def _is_the_nights(lineage: Receiver, deployment: Deployment) -> None:
    """Each task started and ended, as a part of the run, and the tables lead from the landing files to what BI reads."""
    [ended] = lineage.of("mainstay_nightly")
    assert ended["eventType"] == "COMPLETE"
    written = {f"{deployment.settings.landing}/transactions"}
    for task in CHAIN:
        first, last = lineage.of(f"mainstay_nightly.{task}")
        assert (first["eventType"], last["eventType"]) == ("START", "COMPLETE")
        assert last["run"]["facets"]["parent"]["run"]["runId"] == ended["run"]["runId"]
        if task in ("load", "build", "publish"):
            assert names(last["inputs"]) & written, task
            written = names(last["outputs"])
    assert "marts.main.fct_transactions" in written


@pytest.mark.soak
def test_a_receiver_that_is_down_is_logged_and_fails_nothing(deployment: Deployment) -> None:
    told = deployment.settings.model_copy(update={"openlineage_url": "http://127.0.0.1:9"})
    result = run_nightly_dag(DAY, told)
    result.raise_for_error()
    assert "Failed to emit OpenLineage" in result.log.read_text()


@pytest.mark.parametrize("step", only(["validate_land", "fit", "publish", "export"], "export"))
def test_a_failed_step_stops_the_night_closes_the_run_and_gives_its_own_error(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    errors = {"fit": BuildError, "publish": PublishError, "export": ExportError}
    error = errors.get(step, ValidationFailedError)
    url = "postgresql://mainstay:sekret@127.0.0.1:1/bi"
    settings = deployment.settings.model_copy(update={"postgres_url": SecretStr(url)})
    monkeypatch.setenv("STEPS_FAIL", step)
    monkeypatch.setenv("STEPS_ERROR", error.__name__)
    result = run_nightly_dag(DAY, settings)
    assert result.state == "failed"
    failing = EXPORTING.index(step)
    assert {task.name: task.state for task in result.tasks} == {
        **dict.fromkeys(EXPORTING[:failing], "success"),
        step: "failed",
        **dict.fromkeys(EXPORTING[failing + 1 :], "upstream_failed"),
        "finish": "success",
    }
    with pytest.raises(error, match=rf"^{step}: line 3 of a.csv is wrong$"):
        result.raise_for_error()
    assert deployment.names == ["start", *EXPORTING[: failing + 1], "finish"]
    assert deployment.calls[failing + 1][2:] == {"export": []}.get(step, deployment.calls[failing + 1][2:])
    assert deployment.calls[-1][3:] == ["failed", f"{step}: {step}: line 3 of a.csv is wrong"]
    log = result.log.read_text()
    assert f"{step}: line 3 of a.csv is wrong" in log
    assert "sekret" not in log


@pytest.mark.soak
def test_a_failed_finish_is_a_failed_night(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS_FAIL", "finish")
    monkeypatch.setenv("STEPS_ERROR", "MainstayError")
    result = run_nightly_dag(DAY, deployment.settings)
    assert result.state == "failed"
    with pytest.raises(MainstayError, match="finish: line 3"):
        result.raise_for_error()


@pytest.mark.soak
def test_a_process_that_dies_is_reported_with_its_log(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPS_KILL", "load")
    said = (
        r"the process of the nightly of 2017-12-30 was killed \(SIGKILL\).*memory.*nightly-2017-12-30-.*\.log"
    )
    with pytest.raises(ProcessKilledError, match=said):
        run_nightly_dag(DAY, deployment.settings)


def _wait_for_call(deployment: Deployment, name: str) -> None:
    deadline = time.monotonic() + 60
    while name not in deployment.names:
        assert time.monotonic() < deadline, f"{name} was not called; calls: {deployment.names}"
        time.sleep(0.1)


def _caller(deployment: Deployment, wait: float, **environment: str) -> subprocess.Popen[str]:
    """A night that a process of its own asks for; it prints what it hears and how it ended."""
    code = (
        "import datetime, pathlib; from pipelines.settings import Settings\n"
        "from pipelines.orchestrate.inprocess import run_nightly_dag\n"
        f"settings = Settings(home=pathlib.Path({str(deployment.settings.home)!r}), lock_timeout_seconds={wait})\n"
        "heard = lambda event: print(event.message, flush=True) if event.kind == 'said' else None\n"
        "print(run_nightly_dag(datetime.date(2017, 12, 30), settings, heard).state)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.soak
def test_a_second_run_waits_for_the_first_names_it_and_takes_over_when_its_killed_caller_is_gone(
    deployment: Deployment,
) -> None:
    caller = _caller(deployment, 0, STEPS_SLEEP="load")
    holder = rf"process {caller.pid} on \S+ \(nightly of 2017-12-30, since [^)]+\)"
    try:
        _wait_for_call(deployment, "load")
        said: list[Progress] = []
        hurried = deployment.settings.model_copy(update={"lock_timeout_seconds": 0.5})
        with pytest.raises(
            LockedError, match=rf"^{holder} has not ended; waited 0.5 s .*LOCK_TIMEOUT_SECONDS"
        ):
            run_nightly_dag(DAY, hurried, said.append)
        assert [event.kind for event in said] == ["said"]
        assert re.fullmatch(rf"waiting for {holder}", said[0].message or "")

        waiter = _caller(deployment, 60)
        assert waiter.stdout is not None
        assert re.fullmatch(rf"waiting for {holder}\n", waiter.stdout.readline())
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    # The lock is free only when the killed caller's worker has ended too.
    rest, _ = waiter.communicate(timeout=120)
    assert (waiter.returncode, rest) == (0, "success\n")
    assert deployment.names == ["start", "land", "validate_land", "load", *STEPS]
