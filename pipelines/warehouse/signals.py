"""Ending in order when asked to: Ctrl-C, or SIGTERM from a scheduler, a service manager or a container."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.warehouse.connection import interrupt_queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


_INSISTING_SECONDS = 2.0


class Ended(KeyboardInterrupt):
    """The process was asked to end. A `KeyboardInterrupt`, because libraries know that one and clean up for it."""


@contextmanager
def ending_in_order() -> Iterator[list[signal.Signals]]:
    """Let Ctrl-C and SIGTERM raise `Ended` in the main thread, so that `finally` blocks free locks and children.

    Yields the signals that came: what was raised may come out of a library as its own error. A repetition within
    `_INSISTING_SECONDS` changes nothing, so that the clean-up is not cut short when a service manager signals
    process and group alike; a later one raises again, should a library have swallowed the first. Who cannot wait
    sends SIGKILL, which is safe at any moment. Elsewhere than in the main thread this does nothing.
    """
    asked: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    raised_at = float("-inf")

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal raised_at
        asked.append(signal.Signals(number))
        if time.monotonic() - raised_at >= _INSISTING_SECONDS:
            raised_at = time.monotonic()
            interrupt_queries()
            raise Ended(f"ended by {asked[0].name}")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
