"""One in-process run of a deployment at a time, and one `mainstay up`: two would take each other's rows and tasks.

Whoever waits here holds nothing else, and the run that holds this takes the warehouse's lock for each of its steps:
so the two locks are always taken in this order and cannot wait for each other.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors import LockedError

POLL_SECONDS = 0.2


@contextmanager
def one_at_a_time(
    home: Path, what: str, timeout_seconds: float, on_wait: Callable[[str], None]
) -> Iterator[int]:
    """Hold an Airflow deployment's lock; gives its file descriptor, for the process that does the work to hold as well.

    Args:
        home: AIRFLOW_HOME of the deployment.
        what: What runs, for those who have to wait.
        timeout_seconds: How long to wait for another run.
        on_wait: Hears whom we wait for.

    Raises:
        LockedError: the other run did not end in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    note = home / "run.json"
    # An operating-system lock: it ends with its holders, killed ones too.
    handle = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _taken(handle):
            on_wait(f"waiting for {_holder(note)}")
            deadline = time.monotonic() + timeout_seconds
            while not _taken(handle):
                if time.monotonic() >= deadline:
                    raise LockedError(
                        f"{_holder(note)} has not ended; waited {timeout_seconds:g} s "
                        "(MAINSTAY_LOCK_TIMEOUT_SECONDS). Wait for it, or end that process, and run again"
                    )
                time.sleep(POLL_SECONDS)
        _leave(note, what)
        yield handle
    finally:
        os.close(handle)


def holder_lives(home: Path) -> bool:
    """Whether the process that took the deployment's lock last is on this machine and has not ended."""
    try:
        who = json.loads((home / "run.json").read_text(encoding="utf-8"))
        if who["host"] != socket.gethostname():
            return False
        os.kill(who["pid"], 0)
    except PermissionError:
        return True  # another user's
    except (OSError, ValueError, KeyError):
        return False
    return True


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave(note: Path, what: str) -> None:
    text = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "what": what,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    temporary = note.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(text), encoding="utf-8")
        temporary.replace(note)
    finally:
        temporary.unlink(missing_ok=True)


def _holder(note: Path) -> str:
    try:
        who = json.loads(note.read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']} ({who['what']}, since {who['since']})"
    except (OSError, ValueError, KeyError):
        return "another run"
