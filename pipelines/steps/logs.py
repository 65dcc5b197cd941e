"""Logs are kept for `keep_log_days`: the end of each night and backfill takes older ones away."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.settings import Settings

log = logging.getLogger(__name__)

_DAY_SECONDS = 86_400
_ALWAYS_OPEN = ("api-server.log", "scheduler.log", "dag-processor.log", "triggerer.log")
"""Of a `mainstay up` that runs: quiet for weeks, maybe, and in use. The next `up` sets them aside under other names."""


def prune_logs(settings: Settings) -> int:
    """Remove logs that nobody has written to for `keep_log_days`, and say how many; one that cannot be removed is left.

    A run's own logs are being written, so they are never among them. A file from the future, of a clock that ran ahead,
    counts from now on.
    """
    now = time.time()
    oldest = now - settings.keep_log_days * _DAY_SECONDS
    removed = 0
    for folder, _, names in os.walk(settings.var / "logs", topdown=False):
        for name in names:
            if name not in _ALWAYS_OPEN:
                removed += _prune(Path(folder, name), now, oldest)
        # A folder that was made just now is somebody's who is about to write there.
        with suppress(OSError):
            if Path(folder).stat().st_mtime < oldest:
                Path(folder).rmdir()
    return removed


def _prune(path: Path, now: float, oldest: float) -> bool:
    try:
        written = path.lstat().st_mtime
        if written > now + _DAY_SECONDS and not path.is_symlink():
            os.utime(path)
        if written >= oldest:
            return False
        path.unlink()
    except OSError as error:
        log.warning("%s is left: %s", path, error.strerror)
        return False
    return True
