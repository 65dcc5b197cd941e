"""What a load would change, for a person: by dataset and date, by month, and from where the marts can change."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

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


def _table(title: str, *texts: str, numbers: tuple[str, ...]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )  # fmt: skip
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _partitions(parts: list[dict[str, Any]]) -> Table:
    table = _table("Dates to load", "dataset", "date", "files are", numbers=("now", "after", *_COUNTS, "bad"))
    for part in parts:
        table.add_row(
            escape(part["dataset"]),
            str(part["date"]),
            part["state"],
            *(_count(part[name]) for name in ("rows_now", "rows_after", *_COUNTS, "quarantined")),
        )
    return table


def _months(months: list[dict[str, Any]]) -> Table:
    table = _table("Rows by month", "month", numbers=_COUNTS)
    for month in months:
        table.add_row(str(month["month"])[:7], *(_count(month[name]) for name in _COUNTS))
    return table


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
