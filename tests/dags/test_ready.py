"""Services of this machine are waited for past a proxy, which could not reach them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipelines.errors import MainstayError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.orchestrate.guarded import Service, reached_at, wait_ready
from pipelines.settings import Settings


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A process that lives, where all that is asked for goes to a proxy that is down."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield Service("It", process, tmp_path / "it.log")
    process.communicate()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::", "[::1]"),
        ("fd00::7", "[fd00::7]"),
        ("10.0.0.7", "10.0.0.7"),
        ("tills.example", "tills.example"),
    ],
)
def test_airflow_is_asked_where_it_listens(host: str, own: str, tmp_path: Path) -> None:
    assert reached_at(host) == own
    env = airflow_environment(Settings(home=tmp_path), "services", f"http://{reached_at(host)}:8080")
    assert env["AIRFLOW__API__BASE_URL"] == f"http://{own}:8080"
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://{own}:8080/execution/"
    assert {"127.0.0.1", own.strip("[]")} <= set(env["no_proxy"].split(","))


def test_what_answers_is_ready(service: Service) -> None:
    with HTTPServer(("127.0.0.1", 0), _Health) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        wait_ready("It", [service], f"http://127.0.0.1:{server.server_port}/health", 5, lambda: False)
        server.shutdown()


def test_what_does_not_answer_is_named_with_its_log(service: Service, free_port: int) -> None:
    with pytest.raises(
        MainstayError, match=r"It did not answer within 0 s .*refused.*; its log is .*it\.log"
    ):
        wait_ready("It", [service], f"http://127.0.0.1:{free_port}/", 0, lambda: False)


def test_nobody_waits_for_what_has_ended_or_is_asked_to_end(service: Service, free_port: int) -> None:
    wait_ready("It", [service], f"http://127.0.0.1:{free_port}/", 60, lambda: True)
    service.process.communicate()
    with pytest.raises(MainstayError, match="It ended with code 1"):
        wait_ready("It", [service], f"http://127.0.0.1:{free_port}/", 60, lambda: False)
