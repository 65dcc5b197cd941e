"""What dbt did, in `var/logs/dbt.log`: dbt's own log would hold whatever value of a row made the database stop."""

from __future__ import annotations

import logging
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


def log_file(settings: Settings) -> Path:
    """The log of all runs of dbt."""
    return settings.var / "logs" / "dbt.log"


@contextmanager
def dbt_log(settings: Settings) -> Iterator[Callable[[Any], None]]:
    """Gives a callback for dbt's events that writes them into the log, without values of the data."""
    private_folder(settings, log_file(settings).parent)
    handler = RotatingFileHandler(
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
