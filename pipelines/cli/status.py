"""What ran, how long it took, what the checks said, and how fresh the data is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from pipelines.cli.alerts import check_freshness
from pipelines.cli.common import JsonFlag, clear_errors, out, print_json, reuse_in_words
from pipelines.contracts import source_contracts
from pipelines.errors import LandingError, LockedError, SettingsError
from pipelines.land import discover, landing_gaps, unmatched_files
from pipelines.land.unmatched import spans, told
from pipelines.publish import current
from pipelines.settings import load_settings
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.lock import holder, is_locked
from pipelines.warehouse.looking import briefly, looking
from pipelines.warehouse.standing import held_datasets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import duckdb

    from pipelines.settings import Settings


def gather(settings: Settings, runs: int) -> dict[str, Any]:
    """Everything that `mainstay status` shows. While a run is writing only what is published is known."""
    published = current(settings)
    report: dict[str, Any] = {
        "published": None
        if published is None
        else {
            "version": published.version,
            "run_id": published.run_id,
            "as_of_date": published.as_of_date,
            "published_at": published.published_at,
            "path": published.path,
        },
        "writing": None,
    }
    if not settings.warehouse.exists():
        report["writing"] = holder(settings) if is_locked(settings) else None
        return report
    try:
        with looking(briefly(settings), "status", on_wait=lambda _: None) as connection:
            return report | _ledger(settings, connection, runs)
    except LockedError:
        if not is_locked(settings):
            raise
        return report | {"writing": holder(settings)}


def _ledger(settings: Settings, connection: duckdb.DuckDBPyConnection, runs: int) -> dict[str, Any]:
    """What the ledger and the loaded tables say."""
    report: dict[str, Any] = {}
    report["runs"] = fetch_rows(
        connection,
        "SELECT * FROM ops.runs ORDER BY coalesce(sequence, 0) DESC, started_at DESC LIMIT ?",
        [runs],
    )
    last = report["runs"][0]["run_id"] if report["runs"] else None
    report["steps"] = fetch_rows(
        connection,
        "SELECT step, status, round(epoch(finished_at - started_at), 2) AS seconds "
        "FROM ops.steps WHERE run_id = ? ORDER BY sequence",
        [last],
    )
    report["checks"] = fetch_rows(
        connection,
        "SELECT stage, count(*) AS checks, count(*) FILTER (WHERE success) AS passed "
        "FROM ops.checks WHERE run_id = ? GROUP BY stage ORDER BY min(rowid)",
        [last],
    )
    report["failed_checks"] = fetch_rows(
        connection,
        "SELECT stage, suite, expectation, column_name, observed, coalesce(severity, 'error') AS severity "
        "FROM ops.checks WHERE run_id = ? AND NOT success",
        [last],
    )
    report["refused"] = fetch_rows(
        connection,
        "SELECT path, message FROM ops.files WHERE status = 'refused' ORDER BY rowid DESC LIMIT 5",
    )
    report["exports"] = fetch_rows(
        connection,
        "SELECT exported_at, os_user, kind, list_date, row_count AS rows, file_name, status "
        "FROM ops.exports ORDER BY exported_at DESC, rowid DESC LIMIT ?",
        [runs],
    )
    report["datasets"] = held_datasets(settings, connection)
    report |= _landing(settings, connection)
    return report


def _landing(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Dates that are landed and not loaded, and loaded and no longer landed, by the files' names alone: no file is read."""
    from pipelines.load import missing_partitions

    to_load: dict[str, list[date]] = {}
    held: dict[str, Iterable[date]] = {}
    try:
        for name, contract in source_contracts(settings).items():
            loaded = connection.execute(
                "SELECT partition_date, path FROM ops.files WHERE dataset = ? AND status = 'loaded'", [name]
            ).fetchall()
            held[name] = [day for day, _ in loaded]
            known = {(day, contract.landed_name(path)) for day, path in loaded}
            landed = {(f.partition_date, contract.landed_name(f.path)) for f in discover(settings, contract)}
            if days := sorted({day for day, _ in landed - known}):
                to_load[name] = days
        return {
            "to_load": to_load,
            "removed": missing_partitions(settings, None, None),
            "gaps": landing_gaps(settings, held),
            "unmatched": [str(path) for path in unmatched_files(settings)],
            "landing_problem": None,
        }
    except LandingError as error:
        return {
            "to_load": {}, "removed": {}, "gaps": {}, "unmatched": [], "landing_problem": str(error)
        }  # fmt: skip


@clear_errors
def status(
    runs: Annotated[int, typer.Option(help="How many runs to show.", min=1)] = 5,
    only_check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Only say whether the night that should be published by now is; exits 1 if not. For cron.",
        ),
    ] = False,
    tell: Annotated[
        bool, typer.Option("--tell", help="With --check: send the alert `stale` if it is not.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the last runs, steps, timings, checks, rejects and freshness."""
    if only_check:
        check_freshness(load_settings(), tell=tell, as_json=as_json)
        return
    if tell:
        raise SettingsError("--tell goes with --check; give both")
    report = gather(load_settings(), runs)
    if as_json:
        print_json(report)
        return
    published = report["published"]
    if published:
        out.print(
            f"published  {published['version']} as of {published['as_of_date']} ({published['path']})",
            markup=False,
            soft_wrap=True,
        )
    else:
        out.print("published  nothing yet")
    if report["writing"]:
        who = report["writing"]
        out.print(
            f"writing    process {who['pid']} on {who['host']}: {who['step']} of run {who['run_id']} since {who['since']}",
            markup=False,
        )
        return
    if "runs" not in report:
        out.print("runs       none yet; `mainstay nightly` runs one")
        return
    runs_shown = [{**run, "started": f"{run['started_at']:%m-%d %H:%M}"} for run in report["runs"]]
    _print_table("Runs (UTC)", runs_shown, ("started", "kind", "as_of_date", "status", "run_id"))
    for run in report["runs"]:
        if run["reason"]:
            out.print(f"  {escape(run['run_id'])}: {_cell(run['reason'])}", soft_wrap=True)
        if run["message"]:
            _print_entry(run["run_id"], run["message"])
    _print_table("Steps of the last run", report["steps"], ("step", "status", "seconds"))
    _print_table("Checks of the last run", report["checks"], ("stage", "passed", "checks"))
    for check in report["failed_checks"]:
        column = f" of {check['column_name']}" if check["column_name"] else ""
        _print_entry(
            f"{check['stage']} {check['suite']}",
            f"{check['expectation']}{column}: {check['observed']}",
            mark="[red]✗[/]" if check["severity"] == "error" else "[yellow]![/]",
        )
    if report["refused"]:
        out.print("[bold]Refused files[/]")
    for file in report["refused"]:
        _print_entry(file["path"], file["message"])
    _print_table(
        "Datasets",
        report["datasets"],
        ("dataset", "rows", "quarantined", "duplicates", "last_date", "days_behind", "is_stale"),
    )
    for row in report["datasets"]:
        if row["rejected"] or row["ignored"]:
            out.print(
                f"not ours: {escape(row['dataset'])} {row['rejected']:,} rows rejected and {row['ignored']:,} ignored by "
                "the contract's conditions",
                soft_wrap=True,
            )
        if row["reused"]:
            out.print(
                f"[yellow]reused keys:[/] {escape(reuse_in_words(row['dataset'], row['reused']))}",
                soft_wrap=True,
            )
    exports = [{**row, "written": f"{row['exported_at']:%m-%d %H:%M}"} for row in report["exports"]]
    _print_table(
        "Exports with personal data (UTC)",
        exports,
        ("written", "os_user", "list_date", "rows", "file_name", "status"),
    )
    if report["landing_problem"]:
        _print_entry("landing", report["landing_problem"])
    _print_dates("landed, not loaded", report["to_load"], "`mainstay nightly` or `mainstay load` loads them")
    _print_dates(
        "loaded, gone from landing",
        report["removed"],
        "put the files back, or take the rows out with `mainstay backfill FROM TO --remove-missing`",
    )
    for name, days in report["gaps"].items():
        out.print(
            f"[yellow]no file between landed dates:[/] {escape(name)} {spans(days)}; land them, or declare days without "
            "sales in closed_days",
            soft_wrap=True,
        )
    if report["unmatched"]:
        out.print(
            f"[yellow]{escape(told(load_settings(), [Path(p) for p in report['unmatched']]))}[/]",
            soft_wrap=True,
        )


def _print_dates(what: str, partitions: dict[str, list[date]], way_on: str) -> None:
    """A hint: how many dates of which dataset, from when to when, and what to do."""
    for name, days in partitions.items():
        span = f"{days[0]}" if len(days) == 1 else f"{len(days):,} dates, {days[0]} to {days[-1]}"
        out.print(f"[yellow]{what}:[/] {escape(name)} {span}; {way_on}", soft_wrap=True)


def _print_entry(name: str, text: str, mark: str = "[red]✗[/]") -> None:
    """A failure: what it concerns, and below it what was said, the first line of it (`--json` has it whole)."""
    out.print(f"{mark} {escape(name)}", soft_wrap=True)
    out.print(Padding(_cell(text), (0, 0, 0, 2)))


def _print_table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        is_figure = any(
            isinstance(row[column], int | float) and not isinstance(row[column], bool) for row in rows
        )
        table.add_column(column.replace("_", " "), justify="right" if is_figure else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[c]) for c in columns))
    out.print(table)


def _cell(value: Any) -> str:
    """A value in a table: figures grouped, long messages by their first line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int):
        return f"{value:,}"
    first, *rest = str(value).splitlines() or [""]
    return escape(first[:400] + (" …" if rest or len(first) > 400 else ""))
