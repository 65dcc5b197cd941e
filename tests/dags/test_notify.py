"""The failure notification: what it says, where it goes, and that it never hides the task's own error."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow_world import run_python

from pipelines.errors import LoadError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.orchestrate.notify import notify_failure
from pipelines.settings import Settings

SECRET_PATH = "/hooks/T0-very-secret"

# The mail goes through Airflow's own hook, in a process whose Airflow is configured for the test.
_MAIL = """
from types import SimpleNamespace
from pipelines.errors import LoadError
from pipelines.orchestrate.notify import notify_failure
notify_failure({
    "ti": SimpleNamespace(dag_id="mainstay_nightly", task_id="load", run_id="scheduled__1"),
    "dag_run": SimpleNamespace(data_interval_start="2017-03-01"),
    "exception": LoadError("a.csv line 3: <b>amount</b> is 'x'"),
})
"""


def _context(**changes: Any) -> dict[str, Any]:
    context: dict[str, Any] = {
        "ti": SimpleNamespace(dag_id="mainstay_nightly", task_id="load", run_id="scheduled__1"),
        "dag_run": SimpleNamespace(data_interval_start="2017-03-01T20:00:00+00:00"),
        "exception": LoadError("a.csv line 3: amount is 'x'"),
    }
    return context | changes


@contextmanager
def _webhook(status: int) -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    posts: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, posts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    return tmp_path


def test_by_default_the_failure_is_logged_with_task_run_and_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notify_failure(_context())
    assert (
        "Mainstay: mainstay_nightly.load failed in run scheduled__1: a.csv line 3: amount is 'x'"
        in caplog.text
    )


def test_a_task_without_an_exception_is_said_to_be_killed(caplog: pytest.LogCaptureFixture) -> None:
    notify_failure(_context(exception=None))
    assert "may have been killed" in caplog.text


def test_the_webhook_gets_the_failure_as_json_and_its_url_is_never_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with _webhook(204) as (port, posts):
        monkeypatch.setenv("MAINSTAY_NOTIFY", "webhook")
        monkeypatch.setenv("MAINSTAY_NOTIFY_WEBHOOK_URL", f"http://127.0.0.1:{port}{SECRET_PATH}")
        notify_failure(_context())
    [(path, body)] = posts
    assert path == SECRET_PATH
    assert body["task"] == "load"
    assert body["run_id"] == "scheduled__1"
    assert body["error_type"] == "LoadError"
    assert body["message"] == "a.csv line 3: amount is 'x'"
    assert "very-secret" not in caplog.text
    assert "could not be reported" not in caplog.text


@pytest.mark.parametrize("status", [404, 500])
def test_a_webhook_that_refuses_is_logged_and_hides_nothing(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with _webhook(status) as (port, posts):
        monkeypatch.setenv("MAINSTAY_NOTIFY", "webhook")
        monkeypatch.setenv("MAINSTAY_NOTIFY_WEBHOOK_URL", f"http://127.0.0.1:{port}{SECRET_PATH}")
        notify_failure(_context())
    assert len(posts) == 1
    assert f"the webhook answered {status}" in caplog.text
    assert "a.csv line 3" in caplog.text
    assert "very-secret" not in caplog.text


@pytest.mark.parametrize("url", [f"http://127.0.0.1:1{SECRET_PATH}", f"no url {SECRET_PATH}"])
def test_a_webhook_that_cannot_be_reached_is_logged_without_its_url(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAINSTAY_NOTIFY", "webhook")
    monkeypatch.setenv("MAINSTAY_NOTIFY_WEBHOOK_URL", url)
    notify_failure(_context())
    assert "could not be reported" in caplog.text
    assert "very-secret" not in caplog.text


@pytest.mark.parametrize(
    ("notify", "missing"),
    [("smtp", "MAINSTAY_NOTIFY_EMAIL_TO"), ("webhook", "MAINSTAY_NOTIFY_WEBHOOK_URL")],
)
def test_a_missing_addressee_is_named(
    notify: str, missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAINSTAY_NOTIFY", notify)
    notify_failure(_context())
    assert f"{missing} is not set" in caplog.text


@contextmanager
def _mail_server() -> Iterator[tuple[int, list[str]]]:
    """A mail server that takes one mail and keeps what the client said."""
    heard: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw", encoding="utf-8", newline="\r\n") as stream:

            def answer(line: str) -> None:
                stream.write(line + "\r\n")
                stream.flush()

            answer("220 test")
            in_data = False
            for line in stream:
                heard.append(line.rstrip("\r\n"))
                if in_data:
                    if heard[-1] == ".":
                        in_data = False
                        answer("250 taken")
                elif heard[-1].upper() == "DATA":
                    in_data = True
                    answer("354 go on")
                elif heard[-1].upper() == "QUIT":
                    answer("221 bye")
                    return
                else:
                    answer("250 ok")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1]), heard
        thread.join(10)
    finally:
        listener.close()


def test_mail_goes_to_the_addressee_through_the_airflow_connection(home: Path) -> None:
    settings = Settings(
        home=home, notify="smtp", notify_email_to="night@example.com", notify_smtp_conn_id="mail"
    )
    with _mail_server() as (port, heard):
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "mainstay@example.com"},
        }
        env = airflow_environment(settings, "inprocess")
        run_python(_MAIL, env | {"AIRFLOW_CONN_MAIL": json.dumps(connection)})
    said = "\n".join(heard)
    assert "rcpt TO:<night@example.com>" in said
    assert "Subject: Mainstay: mainstay_nightly.load failed" in said
    assert "mail FROM:<mainstay@example.com>" in said
