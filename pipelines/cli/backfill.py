"""Load a range of landing dates again and rebuild what follows from it, by the DAG `mainstay_backfill`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.changes import show_changes
from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, parse_date, print_json, progress
from pipelines.cli.dag_run import watched
from pipelines.cli.loaded import load_table
from pipelines.cli.plan import show_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.orchestrate.request import Backfill
    from pipelines.settings import Settings


@clear_errors
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First landing date, YYYY-MM-DD.")],
    last: Annotated[
        str | None, typer.Argument(metavar="[TO]", help="Last landing date, YYYY-MM-DD; default: FROM.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            "--datasets",
            help="Only this dataset, or several with commas; may be given more than once.",
        ),
    ] = None,
    changed_only: Annotated[
        bool,
        typer.Option("--changed-only", help="Leave dates alone whose files are loaded just as they are."),
    ] = False,
    remove_missing: Annotated[
        bool,
        typer.Option(
            "--remove-missing",
            help="Empty the loaded dates of the range whose files are all gone from the landing folder.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say which dates, months and rows would change; changes nothing."
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why: kept in the ledger and shown by `mainstay status`."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Load a range of dates again in one pass, rebuild what follows from it, publish once, and show what changed.

    For corrected, late or removed landing files, and for a changed contract.
    The range may reach beyond what is landed. The marts stay as of the date
    that BI sees, or move on to the last landed date of the range.

    A backfill that fails before it publishes changes nothing for BI. It can
    always be run again.
    """
    from pipelines.orchestrate.request import Backfill

    settings = load_settings()
    start = parse_date(first)
    assert start is not None  # noqa: S101 - FROM is no option: there is always a text
    asked = Backfill(
        first=start,
        last=parse_date(last) or start,
        datasets=tuple(name for names in dataset for name in names.split(",")) if dataset else None,
        changed_only=changed_only,
        remove_missing=remove_missing,
        reason=reason,
    )
    asked.require_files(settings)
    if dry_run:
        plan = _plan(settings, asked, quiet=as_json)
        if as_json:
            print_json(plan)
        else:
            show_plan(plan, out)
        return
    summary = run_backfill(settings, asked, _name("backfill", asked.first, asked.last), quiet=as_json)
    if as_json:
        print_json(summary)
    else:
        show_backfill(settings, summary)


def _name(kind: str, first: date, last: date) -> str:
    return f"{kind} of {first}" if first == last else f"{kind} of {first} to {last}"


def _plan(settings: Settings, asked: Backfill, *, quiet: bool) -> dict[str, Any]:
    from pipelines.load.plan import plan_load

    with progress(_name("dry run", asked.first, asked.last), quiet=quiet) as say:
        plan: dict[str, Any] = plan_load(
            settings,
            asked.first,
            asked.last,
            list(asked.datasets) if asked.datasets else None,
            reload=not asked.changed_only,
            remove_missing=asked.remove_missing,
            say=say,
        ).as_dict()
        return plan


def run_backfill(
    settings: Settings,
    asked: Backfill,
    what: str,
    *,
    quiet: bool,
    prepare: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Run the DAG for what is asked and say what came of it.

    Raises:
        MainstayError: the first failed step's error; BI sees what it saw before.
    """
    result = watched("mainstay_backfill", what, settings, quiet=quiet, conf=asked.params(), prepare=prepare)
    published = result.detail("publish")
    return {
        "run_id": result.run_id,
        "first_date": asked.first,
        "last_date": asked.last,
        "as_of_date": result.detail("build").get("as_of_date"),
        "seconds": round(result.seconds, 1),
        "load": result.detail("load"),
        "published": {key: published.get(key) for key in ("version", "unchanged", "path")},
        "lost_transactions": published.get("lost_transactions", 0),
        "changes": published.get("changes"),
        "data_docs": result.detail("finish").get("data_docs"),
    }


def show_backfill(settings: Settings, summary: dict[str, Any]) -> None:
    """Print for a person what was loaded, what changed in the marts, and what is served now."""
    out.print(
        f"\n[bold]Loaded {summary['first_date']} to {summary['last_date']}[/] in {summary['seconds']} s"
    )
    out.print(f"run {summary['run_id']}", style="dim", markup=False, soft_wrap=True)
    out.print(load_table(summary["load"]))
    if summary["changes"]:
        show_changes(summary["changes"], out, settings.currency)
    published = summary["published"]
    state = "unchanged since" if published["unchanged"] else "published as"
    out.print(
        f"\nas of {summary['as_of_date']}, {state} {published['version']}",
        style="dim", markup=False, soft_wrap=True,
    )  # fmt: skip
    out.print(f"marts      {published['path']}", markup=False, soft_wrap=True)
    out.print(f"data docs  {summary['data_docs']}\n", markup=False, soft_wrap=True)
