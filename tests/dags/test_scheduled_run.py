"""A real run: `up` starts the services, the scheduler makes the run, LocalExecutor's processes run the tasks.

The metadata database is SQLite, which LocalExecutor can use since Airflow 3.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from airflow_world import CHAIN, Deployment
from services_double import Services
from services_double import services as listening
from services_world import HEADER, last_complete_date, services

from pipelines.settings import PROJECT_DIR, Settings


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
    with listening() as told:
        settings = Settings(home=home, notify_urls=told.address("json"), notify_on="failed, published")
        _publishes_and_tells(settings, told, free_port, tmp_path)


def _publishes_and_tells(settings: Settings, told: Services, free_port: int, tmp_path: Path) -> None:
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
    [alert] = told.texts()
    assert f"the night of {due} is published" in alert
    assert "This is the first publication: " in alert


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
