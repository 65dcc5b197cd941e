"""What ran, how long it took, what the checks said, and how fresh the data is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from pipelines.cli.alerts import check_freshness
from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json
from pipelines.cli.runs import reuse_in_words
from pipelines.cli.tables import Listing
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings


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
    from pipelines.cli.state import gather

    settings = load_settings()
    if only_check:
        check_freshness(settings, tell=tell, as_json=as_json)
        return
    if tell:
        raise SettingsError("--tell goes with --check; give both")
    report = gather(settings, runs)
    if as_json:
        print_json(report)
        return
    _show_published(report["published"])
    if report["writing"]:
        who = report["writing"]
        out.print(
            f"writing    process {who['pid']} on {who['host']}: {who['step']} of run {who['run_id']} since {who['since']}",
            markup=False,
            soft_wrap=True,
        )
        return
    if "runs" not in report:
        out.print("runs       none yet; `mainstay nightly` runs one")
        return
    _show_runs(report)
    _show_checks(report)
    _show_datasets(report)
    _show_landing(settings, report)


def _show_published(published: dict[str, Any] | None) -> None:
    if published is None:
        out.print("published  nothing yet")
        return
    out.print(
        f"published  {published['version']} as of {published['as_of_date']} ({published['path']})",
        markup=False,
        soft_wrap=True,
    )


def _show_runs(report: dict[str, Any]) -> None:
    runs = [{**run, "started": f"{run['started_at']:%m-%d %H:%M}"} for run in report["runs"]]
    _print_table("Runs (UTC)", runs, ("started", "kind", "as_of_date", "status", "run_id"))
    for run in report["runs"]:
        if run["reason"]:
            out.print(f"  {escape(run['run_id'])}: {escape(_cell(run['reason']))}", soft_wrap=True)
        if run["message"]:
            _print_entry(run["run_id"], run["message"])
    _print_table("Steps of the last run", report["steps"], ("step", "status", "seconds"))


def _show_checks(report: dict[str, Any]) -> None:
    _print_table("Checks of the last run", report["checks"], ("stage", "passed", "checks"))
    for check in report["failed_checks"]:
        column = f" of {check['column_name']}" if check["column_name"] else ""
        _print_entry(
            f"{check['stage']} {check['suite']}",
            f"{check['expectation']}{column}: {check['observed']}",
            mark="[red]✗[/]" if check["severity"] == "error" else "[yellow]![/]",
        )
    if report["failed_checks"] and report["data_docs"]:
        out.print(f"data docs  {report['data_docs']}", markup=False, soft_wrap=True)
    if report["refused"]:
        out.print("[bold]Refused files[/]")
    for file in report["refused"]:
        _print_entry(file["path"], file["message"])


def _show_datasets(report: dict[str, Any]) -> None:
    _print_table(
        "Datasets",
        [{**row, "behind": row["days_behind"], "stale": row["is_stale"]} for row in report["datasets"]],
        ("dataset", "rows", "quarantined", "duplicates", "last_date", "behind", "stale"),
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


def _show_landing(settings: Settings, report: dict[str, Any]) -> None:
    from pipelines.land.unmatched import spans, told

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
        text = told(settings, [Path(path) for path in report["unmatched"]])
        out.print(f"[yellow]{escape(text)}[/]", soft_wrap=True)


def _print_dates(what: str, partitions: dict[str, list[date]], way_on: str) -> None:
    """A hint: how many dates of which dataset, from when to when, and what to do."""
    for name, days in partitions.items():
        span = f"{days[0]}" if len(days) == 1 else f"{len(days):,} dates, {days[0]} to {days[-1]}"
        out.print(f"[yellow]{what}:[/] {escape(name)} {span}; {way_on}", soft_wrap=True)


def _print_entry(name: str, text: str, mark: str = "[red]✗[/]") -> None:
    """A failure: what it concerns, and below it what was said, the first line of it (`--json` has it whole)."""
    out.print(f"{mark} {escape(name)}", soft_wrap=True)
    out.print(Padding(Text(_cell(text)), (0, 0, 0, 2)))


def _print_table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    figures = {
        name
        for name in columns
        if any(isinstance(row[name], int | float) and not isinstance(row[name], bool) for row in rows)
    }
    table = Listing(
        title, [name.replace("_", " ") for name in columns], {name.replace("_", " ") for name in figures}
    )
    for row in rows:
        table.add(*(_cell(row[name]) for name in columns))
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
    return first[:400] + (" …" if rest or len(first) > 400 else "")
