"""What a publishing changed in the marts, for a person: rows by table, tiers moved, revenue restated."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console


def show_changes(changes: dict[str, Any], console: Console, currency: str) -> None:
    """Print what changed in the marts.

    Args:
        changes: `Changes.as_dict()` of `pipelines.publish.compare`.
        console: Where to print; 80 columns are enough.
        currency: The reporting currency, for the amounts' title.
    """
    tables = changes["tables"]
    if changes["problem"]:
        console.print("[yellow]the marts were not compared with what was served before:[/]")
        console.print(changes["problem"], markup=False, soft_wrap=True)
        return
    if changes["before"] is None:
        rows = sum(table["rows_after"] for table in tables)
        console.print(f"first publication: {len(tables)} marts with {rows:,} rows", highlight=False)
        return
    changed = [table for table in tables if table["status"] != "same"]
    if not changed:
        console.print("nothing changed in the marts")
        return
    console.print(_row_table(changed))
    for table in changed:
        for text in _remarks(table):
            console.print(f"{table['name']}: {text}", markup=False, highlight=False)
    if changes["tiers_moved"]:
        console.print()
        console.print(_tier_table(changes["tiers_moved"]))
    if changes["revenue_restated"]:
        console.print()
        console.print(_revenue_table(changes["revenue_restated"], changes["revenue_total"], currency))


def _table(title: str, *texts: str, numbers: tuple[str, ...], gap: int = 1) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, gap, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _short(value: int) -> str:
    """A count of rows, in millions from one million on: beside the exact counts the line is full."""
    return f"{value / 1e6:,.1f}M" if value >= 1_000_000 else f"{value:,}"


def _row_table(tables: list[dict[str, Any]]) -> Table:
    # With no gap but the divider, marts' longest name and hundreds of millions of rows fit into 80 columns.
    shown = _table("Rows changed", "table", numbers=("before", "after", "added", "removed", "changed"), gap=0)
    for table in tables:
        shown.add_row(
            escape(table["name"]),
            _count(table["rows_before"]),
            _count(table["rows_after"]),
            *(_short(table[name]) for name in ("added", "removed", "changed")),
        )
    return shown


def _remarks(table: dict[str, Any]) -> list[str]:
    remarks = {"new": ["new mart"], "gone": ["no longer published"]}.get(table["status"], [])
    for name, what in (("added", "added"), ("removed", "removed"), ("retyped", "of another type")):
        if columns := table[f"columns_{name}"]:
            remarks.append(f"{'column' if len(columns) == 1 else 'columns'} {what}: {', '.join(columns)}")
    return remarks


def _tier_table(moves: list[dict[str, Any]]) -> Table:
    shown = _table(
        "Tiers moved", "from", "to", "months", numbers=("customers", "customer months", "complete ones")
    )
    for move in moves:
        months = dict.fromkeys(_month(move[name]) for name in ("first_month", "last_month"))
        shown.add_row(
            escape(move["from_tier"] or "–"),
            escape(move["to_tier"] or "–"),
            " to ".join(months),
            *(_count(move[name]) for name in ("customers", "customer_months", "complete_customer_months")),
        )
    return shown


def _month(day: str | None) -> str:
    return "–" if day is None else f"{date.fromisoformat(day):%Y-%m}"


def _revenue_table(months: list[dict[str, Any]], total: dict[str, Any], currency: str) -> Table:
    shown = _table(f"Revenue restated, {currency}", "month", numbers=("before", "after", "difference"))
    for row in months:
        shown.add_row(_month(row["month"]), *_amounts(row))
    if len(months) > 1:
        shown.add_section()
        shown.add_row("total", *_amounts(total))
    return shown


def _amounts(row: dict[str, Any]) -> tuple[str, str, str]:
    before, after, difference = (Decimal(row[name]) for name in ("before", "after", "difference"))
    return f"{before:,f}", f"{after:,f}", f"{difference:+,f}"
