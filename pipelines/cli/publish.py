"""Publish the built marts, roll back to an earlier night, list the nights that are kept."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.common import (
    JsonFlag,
    clear_errors,
    load_settings,
    out,
    parse_date,
    print_json,
    progress,
)
from pipelines.cli.runs import as_run, show_summary
from pipelines.cli.steps import AsOf


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
    from pipelines import steps as run
    from pipelines.report import report_or_reason
    from pipelines.warehouse import standing

    settings = load_settings()
    if versions:
        kept = publishing.versions(settings)
        if as_json:
            print_json([vars(v) for v in kept])
        for version in [] if as_json else kept:
            out.print(
                f"{'*' if version.is_current else ' '} {version.version}  as of {version.as_of_date}",
                markup=False,
                soft_wrap=True,
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
        show_summary(summary, as_json=as_json)
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
    show_summary(summary, as_json=as_json)
