"""Real runs: `up` starts the services, the scheduler makes the run, LocalExecutor's processes run the tasks.

The metadata database is SQLite, which LocalExecutor can use since Airflow 3.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import psutil
import pytest
from airflow_world import CHAIN, Deployment
from services_world import backfill, services

from pipelines.orchestrate.environment import password_file
from pipelines.settings import PROJECT_DIR, Settings


def last_complete_date(settings: Settings) -> date:
    """Business date of the latest interval that has ended: before 04:00 that is not yesterday's."""
    now = datetime.now(settings.zone)
    return (now - timedelta(hours=4)).date() - timedelta(days=1)


@pytest.mark.soak
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


HEADER = (
    "transaction_id,line_number,customer_id,product_id,transaction_at,quantity,net_amount,discount_amount,"
    "cost_amount,store_id,channel,source_system"
)


def _land_sales(settings: Settings, day: date, customers: int) -> None:
    """Land one sale a customer and day for the three days that end with `day`."""
    for back in range(3):
        sold = day - timedelta(days=back)
        folder = settings.landing / "transactions" / str(sold)
        folder.mkdir(parents=True)
        lines = [
            f"{sold}-{number},1,C{number},P1,{sold} 12:00:00,1,{10 * number}.50,0,{5 * number}.00,S1,web,till"
            for number in range(1, customers + 1)
        ]
        (folder / "transactions.csv").write_text("\n".join([HEADER, *lines]) + "\n")


def test_the_scheduler_publishes_a_real_night(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("MAINSTAY_HOME", str(home))
    settings = Settings(home=home)
    due = last_complete_date(settings)
    _land_sales(settings, due, customers=20)
    with services(settings, free_port, tmp_path) as airflow:
        airflow.unpause()
        [run] = airflow.wait_for_runs("scheduled", 1)
        states = airflow.task_states(run["dag_run_id"])
        assert states == dict.fromkeys(CHAIN, "success"), airflow.logs()
        assert run["state"] == "success"
    with duckdb.connect(str(settings.serving / "marts.duckdb"), read_only=True) as serving:
        published = serving.execute("select run_id, as_of_date from _publish").fetchone()
        sold = serving.execute("select count(*), sum(net_amount) from fct_transactions").fetchone()
    assert published == (run["dag_run_id"], due)
    assert sold is not None
    # The run is for its own date alone: the days before were landed, but nobody asked for them.
    assert (sold[0], float(sold[1])) == (20, 2110.0)


def _belongs_to(process: psutil.Process, settings: Settings) -> bool:
    environment = process.info["environ"] or {}
    return str(environment.get("AIRFLOW_HOME", "")).startswith(str(settings.var))


@pytest.mark.usefixtures("deployment")
def test_a_taken_port_is_named(deployment: Deployment, free_port: int, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", free_port)):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.orchestrate", "up", "--port", str(free_port)],
            env={**os.environ, "MAINSTAY_HOME": str(tmp_path)},
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{free_port} cannot be used" in done.stderr
