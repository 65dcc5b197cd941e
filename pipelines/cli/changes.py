"""What a publishing changed in the marts, for a person: rows by table, tiers moved, revenue restated."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines.cli.tables import Listing, count

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
        console.print(revenue_table(f"Revenue restated, {currency}", changes["revenue_restated"]))


def _short(value: int) -> str:
    """A count of rows, in millions from one million on: beside the exact counts the line is full."""
    return f"{value / 1e6:,.1f}M" if value >= 1_000_000 else f"{value:,}"


def _row_table(tables: list[dict[str, Any]]) -> Listing:
    figures = ("before", "after", "added", "removed", "changed")
    shown = Listing("Rows changed", ("table", *figures), set(figures))
    for table in tables:
        shown.add(
            table["name"],
            count(table["rows_before"]),
            count(table["rows_after"]),
            *(_short(table[name]) for name in ("added", "removed", "changed")),
        )
    return shown


def _remarks(table: dict[str, Any]) -> list[str]:
    remarks = {"new": ["new mart"], "gone": ["no longer published"]}.get(table["status"], [])
    for name, what in (("added", "added"), ("removed", "removed"), ("retyped", "of another type")):
        if columns := table[f"columns_{name}"]:
            remarks.append(f"{'column' if len(columns) == 1 else 'columns'} {what}: {', '.join(columns)}")
    return remarks


def _tier_table(moves: list[dict[str, Any]]) -> Listing:
    figures = ("customers", "customer months", "complete ones")
    shown = Listing("Tiers moved", ("from", "to", "months", *figures), set(figures))
    for move in moves:
        months = dict.fromkeys(_month(move[name]) for name in ("first_month", "last_month"))
        shown.add(
            move["from_tier"] or "–",
            move["to_tier"] or "–",
            " to ".join(months),
            *(count(move[name]) for name in ("customers", "customer_months", "complete_customer_months")),
        )
    return shown


def _month(day: str | None) -> str:
    return "–" if day is None else f"{date.fromisoformat(day):%Y-%m}"


def revenue_table(title: str, months: list[dict[str, Any]]) -> Listing:
    """Revenue by month before and after, and where there are several months their sum.

    Args:
        title: Of the table.
        months: `MonthRestated` as plain values.
    """
    figures = ("before", "after", "difference")
    shown = Listing(title, ("month", *figures), set(figures))
    for row in months:
        shown.add(_month(row["month"]), *map(_amount, figures, (row[name] for name in figures)))
    if len(months) > 1:
        shown.add_line()
        sums = [sum(Decimal(row[name]) for row in months) for name in figures]
        shown.add("total", *map(_amount, figures, sums))
    return shown


def _amount(name: str, value: Decimal | str | int) -> str:
    return f"{Decimal(value):{'+' if name == 'difference' else ''},f}"
