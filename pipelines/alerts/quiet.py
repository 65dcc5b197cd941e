"""Apprise, kept from logging: what it and its libraries say may hold an address with its secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


class _Ear(logging.Filter):
    """Takes what Apprise warns of where somebody wants to hear it, and lets nothing through to any handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = _said.get()
        if said is not None:
            said.append(record.getMessage())
        return False


@cache
def quiet_apprise() -> Any:
    """The library, with its logger and that of the connections below it shut off. It takes about a second to load."""
    import apprise

    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_Ear())
    # At DEBUG it writes the path of each request, which is where most services have the secret.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return apprise


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Gives the list that takes Apprise's warnings while the block runs. They may hold secrets."""
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)
