"""A receiver of OpenLineage events: it keeps what is posted to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID


@dataclass
class Receiver:
    """Its address, and the events in the order in which they came."""

    url: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, job: str) -> list[dict[str, Any]]:
        """The events of a job."""
        return [event for event in self.events if event["job"]["name"] == job]

    def require_valid(self) -> None:
        """Each event has what OpenLineage's specification asks of one."""
        assert self.events
        for event in self.events:
            assert event["eventType"] in ("START", "COMPLETE", "FAIL"), event
            assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None, event
            assert UUID(event["run"]["runId"]), event
            assert all(event["job"][key] for key in ("namespace", "name")), event
            assert event["producer"].startswith("https://"), event
            assert "/spec/2-" in event["schemaURL"], event
            for dataset in [*event["inputs"], *event["outputs"]]:
                assert all(dataset[key] for key in ("namespace", "name")), event


def names(datasets: list[dict[str, Any]]) -> set[str]:
    """The datasets' names."""
    return {dataset["name"] for dataset in datasets}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listen on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.events.append(json.loads(body))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Receiver(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
