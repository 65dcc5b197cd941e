"""Some random histories in a row, to be judged in a process of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky

from tests.soak.purity.histories import History, histories
from tests.soak.purity.judge import ImpureError, Trial
from tests.soak.purity.ways import WAYS, Rounds, mixed

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 20
"""Histories of a process: dbt grows with every build it runs."""


def run(seed: int, count: int, folder: Path, *, is_shrinking: bool) -> tuple[int, str]:
    """Judge so many histories, one dot each; how many were judged, and what was found wrong."""
    judged, wrong = 0, ""

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate, Phase.shrink] if is_shrinking else [Phase.generate],
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
        home = folder / f"history-{judged}"
        try:
            Trial.of(home, history).judge(_way(judged))
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
        return judged, wrong + flaky
    return judged, ""


def _way(number: int) -> Callable[[History], Rounds]:
    """Mostly the history's own, and every fourth time one of the named ones in turn."""
    return WAYS[number // 4 % len(WAYS)] if number % 4 == 0 else mixed
