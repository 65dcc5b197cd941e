"""One command per step. Each calls the same function as the DAG's task of that name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli.common import (
    JsonFlag,
    clear_errors,
    load_settings,
    out,
    parse_date,
    progress,
)
from pipelines.cli.loaded import load_table
from pipelines.cli.runs import as_run, last_landed_date, reuse_in_words, show_summary
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.settings import Settings
    from pipelines.steps import Say

FromDate = Annotated[
    str | None,
    typer.Argument(metavar="[FROM]", help="First landing date, YYYY-MM-DD; default: every landed date."),
]
ToDate = Annotated[
    str | None, typer.Argument(metavar="[TO]", help="Last landing date, YYYY-MM-DD; default: FROM.")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="Business date the marts are for, YYYY-MM-DD; default: the last landed one."
    ),
]


def _range(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    start, end = parse_date(first), parse_date(last) or parse_date(first)
    if start and end and end < start:
        raise SettingsError(f"the range ends ({end}) before it starts ({start}); swap the dates")
    return start, end


@clear_errors
def land(first: FromDate = None, last: ToDate = None, as_json: JsonFlag = False) -> None:
    """Check landing files: is each there, whole, readable and of its contract's shape?"""
    from pipelines import steps as run
    from pipelines.land import unmatched_files
    from pipelines.land.unmatched import told

    settings = load_settings()
    start, end = _range(first, last)
    end = end or last_landed_date(settings)
    with progress("land", quiet=as_json) as say:
        summary = as_run(settings, "land", end, lambda r: run.land(settings, r, start or date.min, end, say))
    names = [] if as_json else ["unmatched_files"]
    show_summary({key: value for key, value in summary.items() if key not in names}, as_json=as_json)
    if summary["unmatched"] and not as_json:
        out.print(f"[yellow]{escape(told(settings, unmatched_files(settings), 20))}[/]", soft_wrap=True)


@clear_errors
def load(
    first: FromDate = None,
    last: ToDate = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Only this dataset; may be given more than once.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be loaded.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Load landed files into raw, quarantine and duplicates; unchanged partitions are left as they are."""
    from pipelines import steps as run
    from pipelines.contracts import known_contracts

    settings = load_settings()
    start, end = _range(first, last)
    known = known_contracts(settings)
    if unknown := sorted(set(dataset or []) - set(known)):
        raise SettingsError(f"unknown dataset {', '.join(unknown)}; use {', '.join(known)}")
    if dry_run:
        pending = run.pending(settings, start, end, dataset)
        show_summary(
            {name if as_json else f"{name} files to load": len(files) for name, files in pending.items()},
            as_json=as_json,
        )
        return
    with progress("load", quiet=as_json) as say:
        summary = as_run(
            settings,
            "load",
            end or last_landed_date(settings),
            lambda r: run.load(settings, r, start, end, say, dataset),
        )
    if not as_json:
        out.print(load_table(summary))
        for row in summary["datasets"]:
            if row["reused"]:
                out.print(
                    f"[yellow]reused keys:[/] {reuse_in_words(row['dataset'], row['reused'])}", soft_wrap=True
                )
            for column in row["drift"]:
                out.print(
                    f"[yellow]drift:[/] {row['dataset']} has a column the contract does not know: {escape(column)}",
                    soft_wrap=True,
                )
    show_summary(
        {key: value for key, value in summary.items() if as_json or key != "datasets"}, as_json=as_json
    )


def _as_of_date(
    step: str,
    as_of: str | None,
    as_json: bool,
    work: Callable[[Settings, str, date, Say], dict[str, Any]],
) -> None:
    """Do a step that is for one business date in a run of its own, and show its summary."""
    settings = load_settings()
    day = parse_date(as_of) or last_landed_date(settings)
    with progress(step, quiet=as_json) as say:
        summary = as_run(settings, step, day, lambda run_id: work(settings, run_id, day, say))
    show_summary(summary, as_json=as_json)


@clear_errors
def stage(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Build the policy seeds and staging views of the warehouse."""
    from pipelines import steps as run

    _as_of_date("stage", as_of, as_json, run.stage)


@clear_errors
def build(
    as_of: AsOf = None,
    select: Annotated[
        str | None,
        typer.Option(
            "--select",
            metavar="MODEL+",
            help="Only these models, as dbt selects them (a + after the name: all that follows from it too), among the "
            "marts that stand. Nothing can be published then before a whole build.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Stage, build and fit all marts as of a business date; validates first what was loaded since. Nothing is published."""
    from pipelines import steps as run

    if select is not None:
        _selected(select, parse_date(as_of), as_json=as_json)
        return

    def work(settings: Settings, run_id: str, day: date, say: Say) -> dict[str, Any]:
        built = run.build(settings, run_id, day, say)
        return {**built, "fit": run.fit(settings, run_id, day, say)}

    _as_of_date("build", as_of, as_json, work)


def _selected(select: str, day: date | None, *, as_json: bool) -> None:
    """Build some models by hand, for the date of the marts that stand."""
    from pipelines import steps as run
    from pipelines.warehouse import standing

    settings = load_settings()
    with progress(f"build {select}", quiet=as_json) as say:
        summary = as_run(
            settings,
            "build",
            day or standing.date_of_marts(settings),
            lambda run_id: run.build_selected(settings, run_id, select, day, say),
        )
    show_summary(summary, as_json=as_json)


@clear_errors
def fit(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Fit the retention and value models anew and build the marts that rest on them; builds first if that is not done."""
    from pipelines import steps as run

    _as_of_date("fit", as_of, as_json, run.fit)


@clear_errors
def validate(
    stage: Annotated[str, typer.Argument(help="Stage: land, raw, staging or marts.")] = "marts",
    first: FromDate = None,
    last: ToDate = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a stage's expectations (Great Expectations) and write the Data Docs."""
    from pipelines import steps as run

    if stage not in ("land", "raw", "staging", "marts"):
        raise SettingsError(
            f"unknown stage {stage!r}; use land, raw, staging or marts (the serving file is validated by publish)"
        )
    settings = load_settings()
    start, end = _range(first, last)
    with progress(f"validate {stage}", quiet=as_json) as say:
        summary = as_run(
            settings,
            "validate",
            end or last_landed_date(settings),
            lambda r: run.validate(settings, r, stage, start, end, say),
        )
    show_summary({**summary, "data_docs": str(settings.docs / "index.html")}, as_json=as_json)
