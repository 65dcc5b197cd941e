"""What dbt did, in `var/logs/dbt.log`: dbt's own log would hold whatever value of a row made the database stop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

from pipelines.showing import visible, without_values
from pipelines.warehouse.rights import private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

_MAX_BYTES = 10 * 1024 * 1024
_KEPT = 5
_LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

_log = logging.getLogger(__name__)


class _Bearing(RotatingFileHandler):
    """Keeps the first failure to write, where the library would print a traceback for each line that is lost.

    A disk that is full of what dbt builds has no room for the log either. What becomes of the build is dbt's to say.
    """

    failure: BaseException | None = None

    def handleError(self, record: logging.LogRecord) -> None:
        self.failure = self.failure or sys.exc_info()[1]

    def close(self) -> None:
        try:
            super().close()  # writes what is left; the file is closed even where that fails
        # ValueError: a rotation has closed the file, and could not open the next.
        except (OSError, ValueError) as error:
            self.failure = self.failure or error


def log_file(settings: Settings) -> Path:
    """The log of all runs of dbt."""
    return settings.var / "logs" / "dbt.log"


@contextmanager
def dbt_log(settings: Settings) -> Iterator[Callable[[Any], None]]:
    """Gives a callback for dbt's events that writes them into the log, without values of the data."""
    private_folder(settings, log_file(settings).parent)
    handler = _Bearing(
        log_file(settings), maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s"))

    def write(event: Any) -> None:
        level = _LEVELS.get(event.info.level)
        if level is not None:
            text = visible(without_values(event.info.msg), keep="\n")
            handler.handle(logging.LogRecord("dbt", level, "", 0, text, None, None))

    try:
        yield write
    finally:
        handler.close()
        if handler.failure is not None:
            _log.warning("%s lacks lines that could not be written: %s", log_file(settings), handler.failure)
