"""A real run: `up` starts the services, the scheduler makes the run, LocalExecutor's processes run the tasks.

The metadata database is SQLite, which LocalExecutor can use since Airflow 3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import httpx
import pytest
from airflow_world import CHAIN, Deployment
from services_double import Services
from services_double import services as listening
from services_world import DAG, HEADER, last_complete_date, services
from services_world import Services as AirflowServices

from pipelines.orchestrate.environment import log_dir
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
    for name in ("HTTP_PROXY", "http_proxy"):  # one that is down: nothing on this machine goes by it
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening() as told:
        monkeypatch.setenv("MAINSTAY_NOTIFY_URLS", told.address("json"))
        monkeypatch.setenv("MAINSTAY_NOTIFY_ON", "failed, published")
        settings = Settings()
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
        _the_web_ui_leads_to_the_pages(airflow, run["dag_run_id"], due)
    _no_line_is_an_error(settings)
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


def _the_web_ui_leads_to_the_pages(airflow: AirflowServices, run_id: str, due: date) -> None:
    """A task's links open the report and the check pages, for those who are logged in alone."""
    links = airflow.get(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/finish/links")["extra_links"]
    assert {name: link for name, link in links.items() if link} == {
        "Report": "/mainstay/report.html",
        "Checks": "/mainstay/checks/index.html",
    }
    for link in filter(None, links.values()):
        assert httpx.get(airflow.base + link, trust_env=False).status_code == 401
        page = airflow.client.get(airflow.base + link)
        assert page.status_code == 200, page.text
        assert "<html" in page.text
        assert "sandbox" in page.headers["content-security-policy"]
        assert "allow-same-origin" not in page.headers["content-security-policy"]
    for place in (
        "checks/../warehouse/mainstay.duckdb",
        "checks/%2e%2e/warehouse/mainstay.duckdb",
        "marts.duckdb",
    ):
        assert airflow.client.get(f"{airflow.base}/mainstay/{place}").status_code == 404
    [event] = airflow.get("/assets/events")["asset_events"]
    assert event["extra"]["as_of_date"] == str(due)
    assert event["extra"]["rows"] > 0
    assert event["extra"]["version"]


def _no_line_is_an_error(settings: Settings) -> None:
    """A good night's task logs have no line that the web UI shows in red, what a task's process writes at its end included."""
    logs = list((log_dir(settings) / "airflow" / "services").glob("dag_id=*/**/*.log"))
    assert len(logs) == len(CHAIN)
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []


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
