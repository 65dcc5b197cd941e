"""Open landing files: as one regular file, as bytes or text, and tell later whether it is still the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import time
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
_TICK_NS = 20_000_000
"""No file system Mainstay is meant for keeps times more coarsely than this, so far as the same machine writes."""

Signature = tuple[int, ...]
"""What changes with a file's content, as far as can be told without reading it again."""


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a regular file; what has become a pipe or a device is an error, and never waited for.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(f"{path} is no regular file")
    return stream


def is_gzip(path: Path) -> bool:
    """Whether a file is gzipped, by its first bytes."""
    with open_bytes(path) as stream:
        return stream.read(2) == GZIP_MAGIC


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file that may be gzipped, for its inner bytes."""
    stream = open_bytes(path)
    is_packed = stream.read(2) == GZIP_MAGIC
    stream.seek(0)
    if not is_packed:
        return stream
    unpacked = gzip.GzipFile(fileobj=stream, mode="rb")
    unpacked.myfileobj = stream  # type: ignore[assignment]  # closed with it
    return cast("IO[bytes]", unpacked)


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a (gzipped) text file for strict reading, line ends untouched, a byte order mark dropped."""
    stream = io.TextIOWrapper(open_unpacked(path), encoding=encoding, errors="strict", newline="")
    if stream.read(1) != "\ufeff":
        stream.seek(0)
    return stream


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open_bytes(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def signature(path: Path) -> Signature:
    """What tells this content of a file from another one, without reading it.

    The time of the last change is the file system's own and cannot be set back, so that a file which changed twice,
    there and back, has changed.
    """
    status = path.stat()
    if 0 <= time.time_ns() - status.st_ctime_ns < _TICK_NS:
        # Written in this very tick of the clock: a second change within it would not be seen.
        time.sleep(_TICK_NS / 1e9)
        status = path.stat()
    link = path.lstat()
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        link.st_ino,
        link.st_ctime_ns,
    )
