"""What the document's sections share: medians, spans and tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

Figures = dict[str, Any]


def median(runs: Iterable[Figures], name: str = "seconds") -> float:
    """The runs' median of a figure."""
    return float(statistics.median(run[name] for run in runs))


def typical(runs: list[Figures]) -> Figures:
    """The run whose time is the median (the lower one of two): its own items add up, medians of items do not."""
    return sorted(runs, key=lambda run: run["seconds"])[(len(runs) - 1) // 2]


def span(runs: list[Figures]) -> str:
    """The runs' seconds as text: median, least and most."""
    values = [run["seconds"] for run in runs]
    return f"{statistics.median(values):,.1f} s ({min(values):,.1f}–{max(values):,.1f})"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def audit(publish: Figures) -> float:
    """Seconds that publishing spent on validating the serving file."""
    return float(publish["items"]["seconds"]["serving"])


def nights_of(runs: dict[str, list[Figures]]) -> list[Figures]:
    """What the nights through the DAG say of themselves, with their own seconds."""
    return [{**run["items"], "seconds": run["items"]["night_seconds"]} for run in runs.get("night", [])]
