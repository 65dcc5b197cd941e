"""Fixtures of the tests that run Airflow."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from deployments import FOREIGN, ODD_NAME

from pipelines.settings import PROJECT_DIR, Settings
from tests.dags.airflow_world import DOUBLE, FINDER, Deployment


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Doubled steps reach every process that the test starts, through PYTHONPATH."""
    doubles = tmp_path / "doubles"
    doubles.mkdir()
    (doubles / "sitecustomize.py").write_text(FINDER)
    (doubles / "steps_double.py").write_text(DOUBLE)
    calls = tmp_path / "calls.jsonl"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(doubles), str(PROJECT_DIR)]))
    monkeypatch.setenv("STEPS_CALLS", str(calls))
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / ODD_NAME
    home.mkdir()
    monkeypatch.setenv("MAINSTAY_HOME", str(home))  # else the checkout's own mainstay.toml is read
    return Deployment(Settings(home=home), calls)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
