"""Apprise, kept from logging: what it and its libraries say may hold an address with its secret."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_here = threading.local()


class _Ear(logging.Handler):
    """Takes what Apprise warns of in a thread that wants to hear it; nobody else does."""

    def emit(self, record: logging.LogRecord) -> None:
        said: list[str] | None = getattr(_here, "said", None)
        if said is not None:
            said.append(record.getMessage())


@cache
def quiet_apprise() -> Any:
    """The library, with its logger and that of the connections below it shut off. It takes about a second to load."""
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.handlers = [_Ear()]
    # At DEBUG it writes the path of each request, which is where most services have the secret.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return apprise


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Gives the list that takes Apprise's warnings of this thread while the block runs. They may hold secrets."""
    _here.said = []
    try:
        yield _here.said
    finally:
        _here.said = None
