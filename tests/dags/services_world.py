"""Airflow's services for a test, and a client of their API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from pipelines.orchestrate.environment import log_dir, password_file
from pipelines.settings import PROJECT_DIR, Settings

DAG = "mainstay_nightly"
READY_SECONDS = 300
RUN_SECONDS = 600

HEADER = (
    "transaction_id,line_number,customer_id,product_id,transaction_at,quantity,net_amount,discount_amount,"
    "cost_amount,store_id,channel,source_system"
)
"""Of a landed file of transactions."""


def last_complete_date(settings: Settings) -> date:
    """Business date of the latest interval that has ended: before 04:00 that is not yesterday's."""
    now = datetime.now(settings.zone)
    return (now - timedelta(hours=4)).date() - timedelta(days=1)


class Services:
    """What `up` runs, as a person with the printed password sees it."""

    def __init__(self, settings: Settings, port: int, output: Path) -> None:
        self.settings = settings
        self.output = output
        self.base = f"http://127.0.0.1:{port}"
        self._client: httpx.Client | None = None

    @property
    def client(self) -> httpx.Client:
        if self._client is None:
            password = json.loads(password_file(self.settings).read_text())["admin"]
            asked = {"username": "admin", "password": password}
            answer = httpx.post(f"{self.base}/auth/token", json=asked, trust_env=False)  # past a proxy
            assert answer.status_code == 201, answer.text
            token = answer.json()["access_token"]
            self._client = httpx.Client(
                base_url=f"{self.base}/api/v2",
                headers={"Authorization": f"Bearer {token}"},
                timeout=20,
                trust_env=False,
            )
        return self._client

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}\n{self.logs()}"
        return answer.json()

    def unpause(self) -> None:
        """Switch the DAG on, once the DAG processor has found it."""
        deadline = time.monotonic() + READY_SECONDS
        while (answer := self.client.patch(f"/dags/{DAG}", json={"is_paused": False})).status_code != 200:
            assert answer.status_code == 404, answer.text
            assert time.monotonic() < deadline, f"the DAG was not found\n{self.logs()}"
            time.sleep(0.5)

    def wait_for_runs(self, kind: str, number: int) -> list[dict[str, Any]]:
        """Wait until so many runs of a kind (scheduled, backfill) have ended and return them by date."""
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            runs = [r for r in self.get(f"/dags/{DAG}/dagRuns")["dag_runs"] if r["run_type"] == kind]
            if len(runs) >= number and all(run["state"] in ("success", "failed") for run in runs):
                return sorted(runs, key=lambda run: str(run["logical_date"]))
            tasks = [task for run in runs for task in self.task_states(run["dag_run_id"]).items()]
            assert "up_for_retry" not in dict(tasks).values(), f"{tasks}\n{self.logs()}"
            assert time.monotonic() < deadline, (
                f"{[(r['dag_run_id'], r['state']) for r in runs]}\n{self.logs()}"
            )
            time.sleep(1)

    def task_states(self, run_id: str) -> dict[str, str]:
        answer = self.get(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances")
        return {ti["task_id"]: ti["state"] for ti in answer["task_instances"]}

    def logs(self) -> str:
        """The ends of all logs, for the message of a failed test."""
        texts = [f"== up\n{self.output.read_text()[-2000:]}"]
        for path in sorted((log_dir(self.settings) / "airflow").rglob("*.log")):
            texts.append(f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}")
        return "\n".join(texts)


@contextmanager
def services(settings: Settings, port: int, folder: Path) -> Iterator[Services]:
    """Start `up`, wait until it says it is ready, and end it as Ctrl-C does."""
    output = folder / "up.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.orchestrate", "up", "--port", str(port)],
            env={**os.environ, "MAINSTAY_HOME": str(settings.home)},
            cwd=PROJECT_DIR,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while "Airflow is ready" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.3)
        yield Services(settings, port, output)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    assert code == 0, output.read_text()


def backfill(settings: Settings, first: date, last: date, *options: str) -> None:
    """Ask Airflow for a backfill of the dates."""
    offset = datetime.now(settings.zone).strftime("%z")
    command = [
        sys.executable,
        "-m",
        "pipelines.orchestrate",
        "airflow",
        "backfill",
        "create",
        "--dag-id",
        DAG,
    ]
    interval = ["--from-date", f"{first}T00:00{offset}", "--to-date", f"{last}T23:59{offset}"]
    asked = subprocess.run(
        [*command, *interval, *options],
        env={**os.environ, "MAINSTAY_HOME": str(settings.home)},
        cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stdout + asked.stderr
