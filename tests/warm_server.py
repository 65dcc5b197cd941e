"""The process that `warm_workers` asks for in-process DAG runs: it has imported all that they need, and forks."""

from __future__ import annotations

import fcntl
import gc
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn


def serve(listening: socket.socket) -> None:
    """Import what a run needs, then fork a worker for each call, until nobody is left who could call."""
    _warm_up()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for a worker is a process of its own
    listening.settimeout(60)  # who started this may be gone before it called
    with selectors.DefaultSelector() as waiting:
        waiting.register(listening.accept()[0], selectors.EVENT_READ)
        waiting.register(listening, selectors.EVENT_READ)
        while not _is_over(listening, waiting):
            for ready, _ in waiting.select():
                if ready.fileobj is listening:
                    waiting.register(listening.accept()[0], selectors.EVENT_READ)
                elif not _answered(ready.fileobj, waiting):  # type: ignore[arg-type]
                    waiting.unregister(ready.fileobj)
                    ready.fileobj.close()  # type: ignore[union-attr]


def _is_over(listening: socket.socket, waiting: selectors.BaseSelector) -> bool:
    """Whether nobody is left who could call; the address is gone then, before another process could call there."""
    if len(waiting.get_map()) > 1:
        return False
    address = Path(listening.getsockname())
    with address.with_name("starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if waiting.select(0):
            return False
        address.unlink()
    return True


def _answered(calls: socket.socket, waiting: selectors.BaseSelector) -> bool:
    """Fork what is asked for; whether anything was, as nothing comes of a caller who is gone."""
    head, fds, _, _ = socket.recv_fds(calls, 4, 16)
    if not head:
        return False
    call = json.loads(calls.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    if os.fork() == 0:
        for key in list(waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        waiting.close()
        _wait_for_worker(call, fds)
    for fd in fds:
        os.close(fd)
    return True


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
    from pipelines.transform import run as dbt_runs
    from tests.few_checks import MART_CHECKS

    dbt_runs.SELECTIONS.update(call["selections"])
    MART_CHECKS.update(call["mart_checks"])
    if call["double"] is not None:
        _put_in_place(call["double"])
    events = f"--events={call['inherited'][0]}"
    sys.argv = ["worker", *(f"--events={inherited[0]}" if a == events else a for a in call["arguments"])]
    from pipelines.orchestrate.worker import run_and_exit

    run_and_exit()


def _put_in_place(double: str) -> None:
    """Let a module stand for `pipelines.steps`."""
    import pipelines

    spec = importlib.util.spec_from_file_location("pipelines.steps", double)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["pipelines.steps"] = pipelines.steps = importlib.util.module_from_spec(spec)  # type: ignore[attr-defined]
    spec.loader.exec_module(pipelines.steps)  # type: ignore[attr-defined]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
