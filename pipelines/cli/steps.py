"""One command per step. Each calls the same function as the DAG's task of that name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Annotated, Any

import duckdb
import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pipelines import steps as run
from pipelines.cli.common import (
    JsonFlag,
    clear_errors,
    err,
    last_landed_date,
    out,
    parse_date,
    print_json,
    progress,
    reuse_in_words,
)
from pipelines.contracts import known_contracts
from pipelines.errors import MainstayError, SettingsError
from pipelines.land import unmatched_files
from pipelines.land.unmatched import told
from pipelines.settings import Settings, load_settings
from pipelines.warehouse import ledger, standing
from pipelines.warehouse.faults import message_of

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


def as_run(
    settings: Settings, kind: str, as_of: date, work: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """A run of its own in the ledger around a step that is called by hand."""
    run_id = ledger.new_run_id(kind, as_of)
    run.start(settings, run_id, kind, as_of, say=lambda text: err.print(text, markup=False, soft_wrap=True))
    try:
        summary = work(run_id)
    except BaseException as error:
        with suppress(MainstayError, duckdb.Error, OSError):  # the work's own error must stand
            run.close(settings, run_id, "failed", message_of(error))
        raise
    run.close(settings, run_id, "success")
    return {"run_id": run_id, **summary}


def _show(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    for name, value in summary.items():
        if name != "datasets":
            out.print(
                f"{name.replace('_', ' ')}: {value:,}"
                if isinstance(value, int)
                else f"{name.replace('_', ' ')}: {value}",
                markup=False,
            )


@clear_errors
def land(first: FromDate = None, last: ToDate = None, as_json: JsonFlag = False) -> None:
    """Check landing files: is each there, whole, readable and of its contract's shape?"""
    settings = load_settings()
    start, end = _range(first, last)
    end = end or last_landed_date(settings)
    with progress("land", quiet=as_json) as say:
        summary = as_run(settings, "land", end, lambda r: run.land(settings, r, start or date.min, end, say))
    names = [] if as_json else ["unmatched_files"]
    _show({key: value for key, value in summary.items() if key not in names}, as_json)
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
    settings = load_settings()
    start, end = _range(first, last)
    known = known_contracts(settings)
    if unknown := sorted(set(dataset or []) - set(known)):
        raise SettingsError(f"unknown dataset {', '.join(unknown)}; use {', '.join(known)}")
    if dry_run:
        pending = run.pending(settings, start, end, dataset)
        _show(
            {name if as_json else f"{name} files to load": len(files) for name, files in pending.items()},
            as_json,
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
                    f"[yellow]drift:[/] {row['dataset']} has a column the contract does not know: {column!r}"
                )
    _show(summary, as_json)


def load_table(summary: dict[str, Any]) -> Table:
    """Rows in, and what became of them, per dataset; rejected, ignored and reused only where there are some."""
    table = Table(title="Loaded", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("dataset")
    rare = [
        k for k in ("rejected", "ignored", "erased", "reused") if any(row[k] for row in summary["datasets"])
    ]
    keys = ["dates", "files", "rows_in", "loaded", "quarantined", "duplicates", *rare, "unchanged"]
    for name in keys:
        table.add_column(
            {"unchanged": "unchanged dates", "reused": "reused keys"}.get(name, name.replace("_", " ")),
            justify="right",
        )
    for row in summary["datasets"]:
        if not (row["files"] or row["unchanged"] or row["removed"]):
            continue
        table.add_row(row["dataset"], *(f"{row[k]:,}" for k in keys))
    return table


def _as_of_date(
    step: str,
    as_of: str | None,
    as_json: bool,
    work: Callable[[Settings, str, date, run.Say], dict[str, Any]],
) -> None:
    """Do a step that is for one business date in a run of its own, and show its summary."""
    settings = load_settings()
    day = parse_date(as_of) or last_landed_date(settings)
    with progress(step, quiet=as_json) as say:
        summary = as_run(settings, step, day, lambda run_id: work(settings, run_id, day, say))
    _show(summary, as_json)


@clear_errors
def stage(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Build the policy seeds and staging views of the warehouse."""
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
    if select is not None:
        _selected(select, parse_date(as_of), as_json=as_json)
        return

    def work(settings: Settings, run_id: str, day: date, say: run.Say) -> dict[str, Any]:
        built = run.build(settings, run_id, day, say)
        return {**built, "fit": run.fit(settings, run_id, day, say)}

    _as_of_date("build", as_of, as_json, work)


def _selected(select: str, day: date | None, *, as_json: bool) -> None:
    """Build some models by hand, for the date of the marts that stand."""
    settings = load_settings()
    with progress(f"build {select}", quiet=as_json) as say:
        summary = as_run(
            settings,
            "build",
            day or standing.date_of_marts(settings),
            lambda run_id: run.build_selected(settings, run_id, select, day, say),
        )
    _show(summary, as_json)


@clear_errors
def fit(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Fit the retention and value models anew and build the marts that rest on them; builds first if that is not done."""
    _as_of_date("fit", as_of, as_json, run.fit)


@clear_errors
def validate(
    stage: Annotated[str, typer.Argument(help="Stage: land, raw, staging or marts.")] = "marts",
    first: FromDate = None,
    last: ToDate = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a stage's expectations (Great Expectations) and rebuild the Data Docs."""
    if stage not in ("land", "raw", "staging", "marts"):
        raise SettingsError(
            f"unknown stage {stage!r}; use land, raw, staging or marts (the serving file is validated by publish)"
        )
    settings = load_settings()
    start, end = _range(first, last)
    with progress(f"validate {stage}", quiet=as_json) as say:
        try:
            summary = as_run(
                settings,
                "validate",
                end or last_landed_date(settings),
                lambda r: run.validate(settings, r, stage, start, end, say),
            )
        finally:
            docs = run.docs(settings)
    _show({**summary, "data_docs": docs}, as_json)


@clear_errors
def publish(
    as_of: AsOf = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Bring back an earlier published version.")
    ] = False,
    to: Annotated[
        str | None, typer.Option("--to", help="With --rollback: the version; default: the one before.")
    ] = None,
    versions: Annotated[bool, typer.Option("--versions", help="List the kept versions.")] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Let a warehouse begun anew publish fewer transactions than BI sees."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --rollback: only say what would be served.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Fit and validate (if not done) and audit the built marts and swap them in for BI; or roll back to an earlier night."""
    from pipelines import publish as publishing
    from pipelines.report import report_or_reason

    settings = load_settings()
    if versions:
        kept = publishing.versions(settings)
        if as_json:
            print_json([vars(v) for v in kept])
        for version in [] if as_json else kept:
            out.print(
                f"{'*' if version.is_current else ' '} {version.version}  as of {version.as_of_date}",
                markup=False,
            )
        return
    if rollback:
        with progress("rollback", quiet=as_json) as say:
            published = publishing.rollback(settings, to, dry_run=dry_run)
            summary = {
                "version": published.version,
                "as_of_date": published.as_of_date,
                "path": published.path,
                "dry_run": dry_run,
            }
            if not dry_run:
                summary["report"] = report_or_reason(settings)
                if settings.postgres_url is not None:
                    summary["postgres"] = run.bring(settings, say)["version"]
        _show(summary, as_json)
        return
    day = parse_date(as_of) or standing.built_as_of(settings, fitted=False)

    def work(run_id: str) -> dict[str, Any]:
        if not standing.are_models_fitted(settings):
            run.fit(settings, run_id, day, say)
        if not standing.are_marts_validated(settings):
            run.validate(settings, run_id, "marts", day, day, say)
        published = run.publish(settings, run_id, day, say, accept_loss=accept_loss)
        return published | run.exported(settings, run_id, say)

    with progress("publish", quiet=as_json) as say:
        summary = as_run(settings, "publish", day, work)
    _show(summary, as_json)
