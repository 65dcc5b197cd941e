"""A real cluster on this machine: a standalone master and workers of one core, each a process group that can be killed whole."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """Started by `start`, ended by `end`; its files lie in `home`."""

    home: Path
    memory: str = "1g"
    port: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def master(self) -> str:
        """The address that a session is given."""
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int = 2) -> None:
        """Start the master, and workers that it knows when this returns."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._run(
            "master",
            "org.apache.spark.deploy.master.Master",
            *("--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(self.page)),
        )
        for number in range(workers):
            self.add_worker(f"worker {number}")
        self.wait_for(workers)

    def add_worker(self, name: str) -> None:
        """Start a worker of one core."""
        self._run(
            name,
            "org.apache.spark.deploy.worker.Worker",
            *("--host", "127.0.0.1", "--cores", "1", "--memory", self.memory, "--webui-port", "0"),
            *("--work-dir", str(self.home / name), self.master),
        )

    def wait_for(self, workers: int, seconds: float = 120) -> None:
        """Until so many workers are alive to the master."""
        deadline = time.monotonic() + seconds
        past = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy reaches this machine
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                with past.open(f"http://127.0.0.1:{self.page}/json/", timeout=5) as answer:
                    page = answer.read().decode()
                if page.count('"state" : "ALIVE"') >= workers:
                    return
            time.sleep(0.2)
        raise TimeoutError(f"{workers} workers were not alive within {seconds:g} s; see {self.home}")

    def kill(self, name: str) -> None:
        """As a machine that loses power: the worker, its executors and their Python processes at once."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """End what was started."""
        for name in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                self.kill(name)

    def _run(self, name: str, *command: str) -> None:
        spec = find_spec("pyspark")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        home = spec.submodule_search_locations[0]
        environment = {
            **os.environ,
            "SPARK_HOME": home,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
        }
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(Path(home) / "bin" / "spark-class"), *command],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
