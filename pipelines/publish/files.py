"""Durable file operations below publishing: links, swaps, fsync, locks, leftovers. Knows no marts.

Facts about DuckDB that this relies on (tried with 1.5.5): a database's log lies at `<file>.wal` (while it is
checkpointed or recovered also at `<file>.wal.checkpoint`, `<file>.wal.recovery`) and is found by name alone.
A log that an older file left behind is silently replayed into the file now of that name; where both have a
storage version that carries an identity (v1.5.0 does), every reader fails instead. A writer holds a POSIX
write lock on the whole file, a reader a read lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.errors import LockedError, PublishError
from pipelines.warehouse.durable import crash_point as crash_point
from pipelines.warehouse.durable import fsync as fsync
from pipelines.warehouse.rights import LOCK_MODE

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_read_only(path: Path) -> None:
    """Take the write bits away: a version and the served file are one file, so nobody may write in place."""
    path.chmod(path.stat().st_mode & 0o444)


def remove_tree(path: Path) -> None:
    """Remove a folder (or a file or link of that name), if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sidecars(database: Path) -> list[Path]:
    """Log files beside a DuckDB file. `<file>.tmp`, where its readers spill, is not ours to touch."""
    return sorted(database.parent.glob(f"{database.name}.wal*"))


@contextmanager
def exclusive(folder: Path, timeout_seconds: float) -> Iterator[None]:
    """Let one publisher at a time work in the folder.

    The lock lies beside the folder, in one that nobody but its owner can open: whoever can open a file or folder can
    lock it, and the folder's readers would keep the publisher waiting.

    Raises:
        LockedError: Another process publishes or rolls back for longer than the timeout.
    """
    locks = folder.parent / "locks"
    locks.mkdir(exist_ok=True)
    locks.chmod(0o700)
    descriptor = os.open(locks / folder.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, LOCK_MODE)
    deadline = time.monotonic() + timeout_seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise LockedError(
                        f"{folder}: another process has been publishing for {timeout_seconds:g} s; "
                        "wait for it"
                    ) from error
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writers_kept_out(database: Path) -> Iterator[None]:
    """Hold a read lock on the served file: readers come and go, a writer and its log cannot appear.

    Do not open the file in this process meanwhile: POSIX drops the lock when any descriptor closes.

    Raises:
        PublishError: Somebody has the file open for writing.
    """
    try:
        descriptor = os.open(database, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise PublishError(
                f"{database}: another process has the serving file open for writing, and its log could get "
                "into the new night; close that connection (BI opens the file read-only) and publish again"
            ) from error
        yield
    finally:
        os.close(descriptor)


def remove_sidecars(database: Path) -> None:
    """Remove stale logs beside the served file: nothing that Mainstay publishes is ever in one."""
    stale = sidecars(database)
    for path in stale:
        logger.warning("%s: removed a stale log; somebody opened the serving file for writing", path)
        remove_tree(path)
    if stale:
        fsync(database.parent)


def swap_file(source: Path, target: Path, scratch: Path) -> None:
    """Put `source` in the place of `target` in one instant, for everyone who opens it from then on.

    The stale logs go first and under a lock, because a reader of the new file would find a log left behind.
    A reader that has opened the old file and looks for its log just then finds none: it has the old night.

    Args:
        source: The finished, synced version; stays where it is.
        target: The name that readers open.
        scratch: A free name in the folder of `target`.
    """
    with writers_kept_out(target):
        remove_sidecars(target)
        crash_point("logs_removed")
        if target.exists() and source.samefile(target):  # rename() between two links of one file does nothing
            return
        remove_tree(scratch)
        try:
            os.link(source, scratch)
        except OSError:  # a file system without hard links
            shutil.copy2(source, scratch)
            fsync(scratch)
        crash_point("linked")
        scratch.replace(target)
        crash_point("swapped")
    fsync(target.parent)


def swap_pointer(pointer: Path, destination: str, scratch: Path) -> None:
    """Make the relative symlink `pointer` lead to `destination` in one instant."""
    if pointer.is_symlink() and str(pointer.readlink()) == destination:
        return
    remove_tree(scratch)
    scratch.symlink_to(destination, target_is_directory=True)
    crash_point("pointer_linked")
    scratch.replace(pointer)
    crash_point("pointed")
    fsync(pointer.parent)
