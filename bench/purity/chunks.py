"""Some random histories in a row, judged in a process of their own."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky

from bench.purity.histories import History, histories
from bench.purity.judge import ImpureError, Trial
from bench.purity.ways import WAYS, Rounds, mixed

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 20
"""Histories of a process: dbt grows with every build it runs."""


@dataclass(frozen=True)
class Chunk:
    """Some histories in a row, below one folder."""

    seed: int
    number: int
    histories: int
    folder: Path
    is_shrinking: bool
    only: str | None


def run(chunk: Chunk) -> tuple[int, int, str | None]:
    """The chunk's number, how many histories were judged, and what was found wrong."""
    for name in [name for name in os.environ if name.startswith("MAINSTAY_")]:
        del os.environ[name]
    judged, wrong = 0, ""

    @seed(chunk.seed * 10_000 + chunk.number)
    @settings(
        max_examples=chunk.histories,
        phases=[Phase.generate, Phase.shrink] if chunk.is_shrinking else [Phase.generate],
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def judge(history: History) -> None:
        nonlocal judged, wrong
        judged += 1
        home = chunk.folder / f"{chunk.number}-{judged}"
        try:
            Trial.of(home, history).judge(_way(chunk.only, judged))
        except Exception as error:
            # Noted at once: if the same history passes the next time, hypothesis only says that it is flaky.
            wrong = str(error) if isinstance(error, ImpureError) else "".join(format_exception(error))
            wrong += f"\nkept in {home}"
            raise
        shutil.rmtree(home)
        print(".", end="", flush=True)

    try:
        judge()
    except Exception as error:
        if not wrong:
            raise
        flaky = f"\nbut not every time: {error}" if isinstance(error, Flaky) else ""
        return chunk.number, judged, wrong + flaky
    return chunk.number, judged, None


def _way(only: str | None, number: int) -> Callable[[History], Rounds]:
    """The named way; else mostly the history's own, and every fourth time one of the named ones in turn."""
    named = {way.__name__: way for way in (mixed, *WAYS)}
    if only is not None:
        return named[only]
    return WAYS[number // 4 % len(WAYS)] if number % 4 == 0 else mixed
