"""The warehouse's one-writer lock.

DuckDB takes one writer. Every step that writes holds this operating-system file lock, which dies with its
process, and leaves a note that says who holds it. A step that calls another holds it once. Readers have no need of it,
and could keep writers waiting with it, so nobody but its owner can open it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from pipelines.errors import LockedError
from pipelines.warehouse.rights import LOCK_MODE, private_files, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.settings import Settings

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 1.0

_held = threading.local()
"""The folders whose lock this thread holds already."""


def holder(settings: Settings) -> dict[str, Any] | None:
    """Who holds the lock, or held it last; None when nobody ever did."""
    note = settings.warehouse.with_name("lock.json")
    try:
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _describe(settings: Settings) -> str:
    who = holder(settings)
    if who is None:
        return "another process"
    return (
        f"process {who['pid']} on {who['host']} ({who['step']} of run {who['run_id']}, since {who['since']})"
    )


@contextmanager
def warehouse_lock(
    settings: Settings, step: str, run_id: str, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the warehouse for writing; `on_wait` (else the log) hears whom we wait for.

    A thread that holds it already just goes on.

    Raises:
        LockedError: the lock was not free within `lock_timeout_seconds`.
    """
    folder = settings.warehouse.parent
    held: set[Path] = _held.__dict__.setdefault("folders", set())
    if folder in held:
        yield
        return
    private_folder(settings, folder)
    lock = FileLock(folder / "lock", mode=LOCK_MODE)
    try:
        lock.acquire(timeout=min(_FIRST_WAIT_SECONDS, settings.lock_timeout_seconds))
    except Timeout:
        (on_wait or log.warning)(f"waiting for {_describe(settings)}")
        try:
            lock.acquire(timeout=settings.lock_timeout_seconds, poll_interval=0.2)
        except Timeout as error:
            raise LockedError(
                f"the warehouse {settings.warehouse} is being written by {_describe(settings)}; waited "
                f"{settings.lock_timeout_seconds:g} s (MAINSTAY_LOCK_TIMEOUT_SECONDS). Wait for it to end, or end that process"
            ) from error
    stack = ExitStack()
    try:
        stack.enter_context(private_files(settings))
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "step": step,
            "run_id": run_id,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        target = folder / "lock.json"
        # Always the same name: what a killed holder leaves, the next one overwrites.
        temporary = target.with_suffix(".json.tmp")
        try:
            temporary.write_text(json.dumps(note), encoding="utf-8")
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        held.add(folder)
        yield
    finally:
        held.discard(folder)
        stack.close()
        lock.release()


def is_locked(settings: Settings) -> bool:
    """Whether a process holds the lock right now."""
    path = settings.warehouse.parent / "lock"
    if not path.exists():
        return False
    lock = FileLock(path, mode=LOCK_MODE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
