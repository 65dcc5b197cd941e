"""What a load would change, for a person: by dataset and date, by month, and from where the marts can change."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pipelines.cli.tables import Listing, count

if TYPE_CHECKING:
    from rich.console import Console

_COUNTS = ("added", "removed", "changed")
_STILL = {
    "unchanged": "keeps its rows",
    "missing": "keeps its rows, though the files are gone (--remove-missing takes them out)",
}
_MOST_SHOWN = 40
"""Partitions shown one by one; the months and the JSON document hold all of them."""


def show_plan(plan: dict[str, Any], console: Console) -> None:
    """Print a `LoadPlan.as_dict()`; 80 columns are enough."""
    console.print("\n[bold]Dry run:[/] nothing is changed")
    if not plan["partitions"]:
        console.print("nothing is landed or loaded in this range")
    still: dict[tuple[str, str], list[str]] = defaultdict(list)
    shown: list[dict[str, Any]] = []
    for part in plan["partitions"]:
        if part["state"] in _STILL and not any(part[name] for name in _COUNTS):
            still[part["dataset"], part["state"]].append(part["date"])
        else:
            shown.append(part)
    if shown:
        console.print(_partitions(shown[:_MOST_SHOWN]))
    if len(shown) > _MOST_SHOWN:
        console.print(f"and {len(shown) - _MOST_SHOWN:,} dates more; --json shows all of them")
    for (dataset, state), days in still.items():
        span = days[0] if len(days) == 1 else f"{len(days):,} dates, {days[0]} to {days[-1]}"
        console.print(f"{dataset} {_STILL[state]}: {span}", markup=False, soft_wrap=True)
    for problem in plan["problems"]:
        console.print(f"[bold red]the backfill would stop:[/] {escape(problem)}", soft_wrap=True)
    months = [month for month in plan["months"] if any(month[name] for name in _COUNTS)]
    if months:
        console.print(_months(months))
    if plan["marts_from"]:
        console.print(f"marts can change from {str(plan['marts_from'])[:7]} on")
    else:
        console.print("no row would change")


def _partitions(parts: list[dict[str, Any]]) -> Listing:
    figures = ("now", "after", *_COUNTS, "bad")
    table = Listing("Dates to load", ("dataset", "date", "files are", *figures), set(figures))
    for part in parts:
        table.add(
            part["dataset"],
            str(part["date"]),
            part["state"],
            *(count(part[name]) for name in ("rows_now", "rows_after", *_COUNTS, "quarantined")),
        )
    return table


def _months(months: list[dict[str, Any]]) -> Listing:
    table = Listing("Rows by month", ("month", *_COUNTS), set(_COUNTS))
    for month in months:
        table.add(str(month["month"])[:7], *(count(month[name]) for name in _COUNTS))
    return table
