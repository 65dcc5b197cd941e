"""Processes for in-process DAG runs that need not import Airflow, dbt and Great Expectations anew.

A process that has imported all of that, and has run nothing, forks one for each run that a test starts: what the run does is
the real worker's doing, from its arguments and environment on. The imports are two fifths of a small night's time. Tests of
how a worker is started, and those that put modules of their own on its path, get the real one. A fork builds what the test's
own process would: without the checks that `without_dbt_tests` and `with_few_checks` of `conftest` have left out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from pipelines.orchestrate import inprocess
from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.transform import run as dbt_runs
from tests.few_checks import MART_CHECKS

SAME = ("PYTHONPATH", "PATH", "LD_PRELOAD", "TZ")
"""Variables that a process reads as it starts: where they differ, a fork is no replacement."""


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
    """Starts the process that forks when it is first needed."""

    def __init__(self, home: Path) -> None:
        self._env = airflow_environment(Settings(home=home), "inprocess")
        self._log = home / "warm.log"
        self._real = inprocess.start_worker
        self._calls: socket.socket | None = None

    def start_worker(
        self, arguments: list[str], settings: Settings, output: IO[bytes], inherited: tuple[int, ...]
    ) -> Any:
        """In place of `inprocess.start_worker`."""
        env = airflow_environment(settings, "inprocess")
        if any(env.get(name) != self._env.get(name) for name in SAME):
            return self._real(arguments, settings, output, inherited)
        if self._calls is None:
            self._calls = self._server()
        stdin, stdin_of_ours = os.pipe()
        status_of_ours, status = os.pipe()
        os.umask(mask := os.umask(0))
        told = {"arguments": arguments, "env": env, "inherited": inherited, "umask": mask}
        told |= {"selections": dbt_runs.SELECTIONS, "mart_checks": MART_CHECKS}
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
        """End the process that forks; it ends when nobody can call it any more."""
        if self._calls is not None:
            self._calls.close()

    def _server(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with self._log.open("wb") as log:
            subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                cwd=PROJECT_DIR,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        return ours


@contextmanager
def warm_workers(home: Path) -> Iterator[None]:
    """In-process DAG runs of this process are forked from a warm one for as long as this lasts."""
    workers, real = WarmWorkers(home), inprocess.start_worker
    inprocess.start_worker = workers.start_worker
    try:
        yield
    finally:
        inprocess.start_worker = real
        workers.close()


def _serve(calls: socket.socket) -> None:
    """Import what a run needs, then fork a worker for each call."""
    import gc

    _warm_up()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for a worker is a process of its own
    while True:
        head, fds, _, _ = socket.recv_fds(calls, 4, 16)
        if not head:
            return
        call = json.loads(calls.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
        if os.fork() == 0:
            calls.close()
            _wait_for_worker(call, fds)
        for fd in fds:
            os.close(fd)


def _warm_up() -> None:
    """No thread may be started and no database opened here."""
    import dbt.cli.main  # noqa: F401
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from sqlalchemy.orm import configure_mappers

    from pipelines.orchestrate import tasks
    from pipelines.validate.gx import great_expectations

    tasks.default_args()
    great_expectations()
    in_process_api_server().app._cadwyn_initialize()  # as its first request would, in three seconds
    configure_mappers()


def _wait_for_worker(call: dict[str, Any], fds: list[int]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stdin, output, status, *inherited = fds
    pid = os.fork()
    if pid == 0:
        os.close(status)
        try:
            _become_worker(call, stdin, output, inherited)
        finally:  # only an exception leads here
            traceback.print_exc()
            os._exit(1)
    for fd in (stdin, output, *inherited):
        os.close(fd)
    os.write(status, b"%d\n" % pid)
    _, ended = os.waitpid(pid, 0)
    os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
    os._exit(0)


def _become_worker(call: dict[str, Any], stdin: int, output: int, inherited: list[int]) -> None:
    for source, target in ((stdin, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(stdin)
    os.close(output)
    os.umask(call["umask"])
    os.environ.clear()
    os.environ.update(call["env"])
    from airflow import settings

    settings.configure_vars()
    settings.reconfigure_orm()
    dbt_runs.SELECTIONS.update(call["selections"])
    MART_CHECKS.update(call["mart_checks"])
    events = f"--events={call['inherited'][0]}"
    sys.argv = ["worker", *(f"--events={inherited[0]}" if a == events else a for a in call["arguments"])]
    from pipelines.orchestrate.worker import run_and_exit

    run_and_exit()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
