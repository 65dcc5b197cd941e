"""The scheduler's own run and a backfill, with real services and doubled steps.

The metadata database is SQLite, which LocalExecutor can use since Airflow 3.
"""

from __future__ import annotations

import stat
from datetime import date, datetime
from pathlib import Path

import psutil
import pytest

from pipelines.orchestrate.environment import password_file
from pipelines.settings import Settings
from tests.dags.airflow_world import CHAIN, Deployment
from tests.dags.services_world import backfill, last_complete_date, services

pytestmark = pytest.mark.soak


def test_the_scheduler_runs_the_latest_date_and_a_backfill_the_dates_it_is_asked_for(
    deployment: Deployment, free_port: int, tmp_path: Path
) -> None:
    settings = deployment.settings
    with services(settings, free_port, tmp_path) as airflow:
        said = airflow.output.read_text()
        password = password_file(settings)
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        assert said.count("Password, printed this once: ") == 1
        pool = airflow.get("/pools/warehouse")
        assert pool["slots"] == 1

        airflow.unpause()
        due = last_complete_date(settings)
        [run] = airflow.wait_for_runs("scheduled", 1)
        assert run["state"] == "success", airflow.logs()
        assert airflow.task_states(run["dag_run_id"]) == dict.fromkeys(CHAIN, "success")
        start = datetime.fromisoformat(run["data_interval_start"]).astimezone(settings.zone)
        assert (start.date(), start.hour) == (due, 4)
        assert deployment.names == ["start", *CHAIN]
        assert {call[1] for call in deployment.calls} == {run["dag_run_id"]}
        assert all(str(due) in call for call in deployment.calls), deployment.calls
        assert [asset["name"] for asset in airflow.get("/assets")["assets"]] == ["mainstay_marts"]
        assert airflow.get("/assets/events")["total_entries"] == 1

        backfill(settings, date(2017, 3, 1), date(2017, 3, 2))
        backfilled = airflow.wait_for_runs("backfill", 2)
        assert [run["state"] for run in backfilled] == ["success", "success"], airflow.logs()
        landed = [call[2:] for call in deployment.calls if call[0] == "land"]
        assert landed[1:] == [["2017-03-01"] * 2, ["2017-03-02"] * 2]
    left = [p for p in psutil.process_iter(["environ"]) if _belongs_to(p, settings)]
    assert left == [], "services were left running"


def _belongs_to(process: psutil.Process, settings: Settings) -> bool:
    environment = process.info["environ"] or {}
    return str(environment.get("AIRFLOW_HOME", "")).startswith(str(settings.var))
