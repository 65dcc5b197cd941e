"""Processes for in-process DAG runs that need not import Airflow, dbt and Great Expectations anew.

A process that has imported all of that, and has run nothing, forks one for each run that a test starts: what the run does is
the real worker's doing, from its arguments and environment on. The imports are two fifths of a small night's time. Tests of
how a worker is started, and those that put other modules of their own on its path, get the real one. A fork builds what the
test's own process would: without the checks that `without_dbt_tests` and `with_few_checks` of `conftest` have left out, and with
the doubles of the steps that `tests/dags` puts on the path.

One such process serves all processes of the tests: `warm_server`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipelines.orchestrate import inprocess
from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.transform import run as dbt_runs
from tests.few_checks import MART_CHECKS

SAME = ("PYTHONPATH", "PATH", "LD_PRELOAD", "TZ")
"""Variables that a process reads as it starts: where they differ, a fork is no replacement."""

DOUBLE = "steps_double.py"
"""A module that stands for `pipelines.steps`; see `tests/dags/airflow_world.py`."""


class Forked:
    """As much of `subprocess.Popen` as is asked of a worker."""

    def __init__(self, stdin: int, status: int) -> None:
        self._stdin, self._status = stdin, os.fdopen(status)
        self.pid = int(self._status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None as long as the worker lives."""
        if self.returncode is None:
            os.set_blocking(self._status.fileno(), False)
            try:
                line = self._status.readline()
            finally:
                os.set_blocking(self._status.fileno(), True)
            self.returncode = int(line) if line else None
        return self.returncode

    def wait(self) -> int:
        """The exit code, once the worker has ended."""
        if self.returncode is None:
            self.returncode = int(self._status.readline())
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> None:
        """Close its input, whereupon it ends, and wait."""
        os.close(self._stdin)
        self.wait()
        self._status.close()


class WarmWorkers:
    """Asks the process that forks, which one of the tests' processes starts when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._env = airflow_environment(Settings(home=folder), "inprocess")
        self._real = inprocess.start_worker
        self._calls: socket.socket | None = None

    def start_worker(
        self, arguments: list[str], settings: Settings, output: IO[bytes], inherited: tuple[int, ...]
    ) -> Any:
        """In place of `inprocess.start_worker`."""
        env = airflow_environment(settings, "inprocess")
        path, double = _without_double(env["PYTHONPATH"])
        started = self._env | {"PYTHONPATH": _without_double(self._env["PYTHONPATH"])[0]}
        if any((env | {"PYTHONPATH": path}).get(name) != started.get(name) for name in SAME):
            return self._real(arguments, settings, output, inherited)
        if self._calls is None:
            self._calls = self._connected()
        stdin, stdin_of_ours = os.pipe()
        status_of_ours, status = os.pipe()
        os.umask(mask := os.umask(0))
        told = {"arguments": arguments, "env": env, "inherited": inherited, "umask": mask}
        told |= {"selections": dbt_runs.SELECTIONS, "mart_checks": MART_CHECKS, "double": double}
        call = json.dumps(told).encode()
        socket.send_fds(
            self._calls,
            [len(call).to_bytes(4, "big")],
            [stdin, output.fileno(), status, *inherited],
        )
        self._calls.sendall(call)
        os.close(stdin)
        os.close(status)
        return Forked(stdin_of_ours, status_of_ours)

    def close(self) -> None:
        """Let go of the process that forks; it ends with the last of those who can call it."""
        if self._calls is not None:
            self._calls.close()

    def _connected(self) -> socket.socket:
        """A connection to the process that forks, which is started where none is there."""
        address = self._folder / "calls"
        with (self._folder / "starting").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(address))
            except (FileNotFoundError, ConnectionRefusedError):
                self._start(address)
                connection.connect(str(address))
        return connection

    def _start(self, address: Path) -> None:
        address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listening, (self._folder / "log").open("ab") as log:
            listening.bind(str(address))
            listening.listen()
            subprocess.Popen(
                [sys.executable, Path(__file__).with_name("warm_server.py"), str(listening.fileno())],
                cwd=PROJECT_DIR,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
            )


def _without_double(path: str) -> tuple[str, str | None]:
    """A PYTHONPATH without the folder that has a double of the steps, and the double."""
    folders = path.split(os.pathsep)
    doubles = [folder for folder in folders if (Path(folder) / DOUBLE).is_file()]
    rest = [folder for folder in folders if folder not in doubles]
    # What a double is put before stands on the path as a process of our own has it anyway.
    return os.pathsep.join(dict.fromkeys(rest)), str(Path(doubles[0]) / DOUBLE) if doubles else None


@contextmanager
def warm_workers(folder: Path) -> Iterator[None]:
    """In-process DAG runs of this process are forked from a warm one for as long as this lasts.

    Args:
        folder: Of all the processes of the tests that share one.
    """
    workers, real = WarmWorkers(folder), inprocess.start_worker
    inprocess.start_worker = workers.start_worker
    try:
        yield
    finally:
        inprocess.start_worker = real
        workers.close()
