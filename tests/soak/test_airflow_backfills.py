"""`airflow backfill create` on the nightly DAG with real services and real steps, while the nightly is scheduled.

One test with one start of the services: each task is a process of its own, so a night takes most of a minute.
"""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from served import assert_served, served_as_of, tables_from_scratch

from pipelines.orchestrate.environment import log_dir
from pipelines.settings import Settings
from tests.dags.airflow_world import CHAIN
from tests.dags.services_world import DAG, HEADER, Services, backfill, last_complete_date, services

pytestmark = pytest.mark.soak

RUN_SECONDS = 900
LOCK_ERRORS = re.compile(r"LockedError|is being written by process|Conflicting lock|database is locked")
IS_OVER = ("success", "failed")


def land(settings: Settings, day: date, *amounts: int) -> None:
    """Land one sale a customer for the day, each of another customer."""
    path = settings.landing / "transactions" / str(day) / "transactions.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{day}-{number},1,C{number},P1,{day} 12:00:00,1,{amount}.50,0,{amount / 2:.2f},S1,web,till"
        for number, amount in enumerate(amounts, start=1)
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")


def watch(airflow: Services, number: int) -> tuple[dict[date, dict[str, Any]], int]:
    """Wait until so many runs are there and all is over; gives them by business date, and how many were running at once."""
    deadline = time.monotonic() + RUN_SECONDS
    at_once = 0
    while True:
        runs = airflow.get(f"/dags/{DAG}/dagRuns")["dag_runs"]
        at_once = max(at_once, sum(run["state"] == "running" for run in runs))
        asked = airflow.get(f"/backfills?dag_id={DAG}")["backfills"]
        # Airflow takes the next backfill of a DAG only once the scheduler, every half minute, has closed this one.
        is_closed = all(backfill["completed_at"] for backfill in asked)
        if is_closed and len(runs) >= number and all(run["state"] in IS_OVER for run in runs):
            zone = airflow.settings.zone
            starts = [datetime.fromisoformat(run["data_interval_start"]).astimezone(zone) for run in runs]
            return {start.date(): run for start, run in zip(starts, runs, strict=True)}, at_once
        for run in runs:
            if run["state"] == "running":
                states = airflow.task_states(run["dag_run_id"])
                assert "up_for_retry" not in states.values(), (
                    f"{run['dag_run_id']}: {states}\n{airflow.logs()}"
                )
        assert time.monotonic() < deadline, (
            f"{[(r['dag_run_id'], r['state']) for r in runs]}\n{airflow.logs()}"
        )
        time.sleep(0.5)


def tries(airflow: Services, run_id: str) -> dict[str, int]:
    """How often each task of a run was begun."""
    found = airflow.get(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {ti["task_id"]: ti["try_number"] for ti in found}


def test_backfills_beside_the_scheduled_night_lose_nothing_and_need_no_retry(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("MAINSTAY_HOME", str(home))
    settings = Settings(home=home)
    due = last_complete_date(settings)
    first, refused, corrected, last = (due - timedelta(days=n) for n in (4, 3, 2, 1))
    for n, day in enumerate((first, corrected, last, due)):
        land(settings, day, 100 + n, 200 + n, 300 + n)
    land(settings, refused)
    (settings.landing / "transactions" / str(refused) / "transactions.csv").write_text("<html>404</html>\n")

    with services(settings, free_port, tmp_path) as airflow:
        airflow.unpause()
        # Backwards, three at once beside the scheduled one; nothing is there yet to reprocess.
        backfill(
            settings, first, last, "--run-backwards", "--max-active-runs", "3", "--reprocess-behavior", "none"
        )
        found, at_once = watch(airflow, 5)
        states = {day: run["state"] for day, run in found.items()}
        assert states == dict.fromkeys((first, corrected, last, due), "success") | {refused: "failed"}
        assert {day: run["run_type"] for day, run in found.items() if day != due} == dict.fromkeys(
            (first, refused, corrected, last), "backfill"
        )
        assert found[due]["run_type"] == "scheduled"
        assert at_once >= 3, "the runs were to be active at once, or this proves nothing"
        assert served_as_of(settings) == due

        # The mended date, and it alone, once more.
        land(settings, refused, 150, 250, 350, 450)
        backfill(settings, first, last, "--reprocess-behavior", "failed", "--max-active-runs", "3")
        found, _ = watch(airflow, 5)
        assert {run["state"] for run in found.values()} == {"success"}, airflow.logs()

        # A date that was a success, corrected: fewer rows, one of another amount.
        land(settings, corrected, 111, 222)
        backfill(settings, corrected, corrected, "--reprocess-behavior", "completed")
        found, _ = watch(airflow, 5)
        assert {run["state"] for run in found.values()} == {"success"}, airflow.logs()

        for day, number in {first: 1, last: 1, due: 1, corrected: 2}.items():
            assert tries(airflow, found[day]["dag_run_id"]) == dict.fromkeys(CHAIN, number), day
        assert tries(airflow, found[refused]["dag_run_id"])["land"] == 2
        logs = sorted((log_dir(settings) / "airflow").rglob("*.log"))
        assert len(logs) > 6 * len(CHAIN)
        for path in logs:
            assert not (error := LOCK_ERRORS.search(path.read_text(errors="replace"))), f"{path}: {error}"

    assert served_as_of(settings) == due
    assert_served(settings, tables_from_scratch(settings, tmp_path / "scratch", due))
