"""Look at what was set aside: rows that break their contract, with every reason."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, parse_date, print_json
from pipelines.cli.tables import Listing
from pipelines.errors import SettingsError
from pipelines.quoting import ident
from pipelines.showing import for_spreadsheet

if TYPE_CHECKING:
    from pipelines.settings import Settings

app = typer.Typer(help="List, show and export rows that break their contract.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(help="Dataset, as its contract is named.")]
OnDate = Annotated[str | None, typer.Option("--date", help="Only this landing date, YYYY-MM-DD.")]


def _query(
    settings: Settings, sql: str, parameters: list[Any], *, with_texts: bool = False
) -> list[dict[str, Any]]:
    """Rows of a query on the warehouse; none when nothing was ever loaded, and no texts of somebody who is being erased."""
    from pipelines.warehouse.connection import fetch_rows
    from pipelines.warehouse.erasing import require_none_erasing
    from pipelines.warehouse.looking import looking

    if not settings.warehouse.exists():
        return []
    with looking(settings, "quarantine") as connection:
        tables = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'quarantine'"
        ).fetchone()
        if not tables or not tables[0]:
            return []
        if with_texts:
            require_none_erasing(connection)
        return fetch_rows(connection, sql, parameters)


def _rejects(settings: Settings, dataset: str, day: str | None, limit: int | None) -> list[dict[str, Any]]:
    from pipelines.contracts import known_contracts

    if dataset not in (known := known_contracts(settings)):
        raise SettingsError(f"unknown dataset {dataset!r}; use one of {', '.join(known)}")
    on = parse_date(day)
    return _query(
        settings,
        f"SELECT run_id, partition_date, file_path, line_number, reasons, raw_text FROM quarantine.{ident(dataset)} "
        "WHERE CAST(? AS DATE) IS NULL OR partition_date = ? ORDER BY partition_date, file_path, line_number "
        + (f"LIMIT {limit:d}" if limit is not None else ""),
        [on, on],
        with_texts=True,
    )


@app.command("list")
@clear_errors
def list_(as_json: JsonFlag = False) -> None:
    """Count rejects by dataset, landing date and reason."""
    from pipelines.contracts import known_contracts
    from pipelines.load.tables import REASON_KIND

    settings = load_settings()
    found: list[dict[str, Any]] = []
    for dataset in known_contracts(settings):
        found += _query(
            settings,
            f"SELECT ? AS dataset, partition_date, {REASON_KIND} AS reason, count(*) AS rows "
            f"FROM (SELECT partition_date, unnest(reasons) AS reason FROM quarantine.{ident(dataset)}) GROUP BY ALL "
            "ORDER BY partition_date, rows DESC, reason",
            [dataset],
        )
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("nothing is quarantined")
        return
    table = Listing(None, ("dataset", "landing date", "reason", "rows"), {"rows"})
    for row in found:
        table.add(row["dataset"], str(row["partition_date"]), row["reason"], f"{row['rows']:,}")
    out.print(table)


@app.command()
@clear_errors
def show(
    dataset: Dataset,
    day: OnDate = None,
    limit: Annotated[int, typer.Option(help="Rows to show.", min=1)] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Show rejected rows: file, line, reasons and raw text. The text may hold personal data."""
    rows = _rejects(load_settings(), dataset, day, limit)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        out.print(f"[bold]{escape(row['file_path'])}:{row['line_number']}[/]", soft_wrap=True)
        for reason in row["reasons"]:
            out.print(f"  [red]{escape(reason)}[/]", soft_wrap=True)
        out.print(f"  {escape(row['raw_text'])}", soft_wrap=True)
    if not rows:
        out.print("nothing is quarantined")


@app.command()
@clear_errors
def export(
    dataset: Dataset,
    target: Annotated[Path, typer.Argument(help="CSV file to write; it must not exist yet.")],
    day: OnDate = None,
) -> None:
    """Write all rejects of a dataset to a CSV file that you alone can read, reasons joined by ' | '.

    Where a spreadsheet would run what stands in a cell, an apostrophe stands before it.
    """
    rows = _rejects(load_settings(), dataset, day, None)
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SettingsError(f"{target} is there already; name a new file") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
        # All quoted: where the delimiter is another, text up to the next one would be a cell of its own.
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["file_path", "line_number", "landing_date", "reasons", "raw_text", "run_id"])
        for row in rows:
            writer.writerow(
                [
                    for_spreadsheet(str(cell))
                    for cell in (
                        row["file_path"],
                        row["line_number"],
                        row["partition_date"],
                        " | ".join(row["reasons"]),
                        row["raw_text"],
                        row["run_id"],
                    )
                ]
            )
    out.print(f"{len(rows):,} rows written to {target}", markup=False, soft_wrap=True)
