"""The command line's table of contents. What is imported here is imported for every help text: see `pipelines.cli.common`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import (
    alerts,
    backfill,
    bi,
    care,
    diff,
    docs,
    doctor,
    draft,
    export,
    forget,
    init,
    nightly,
    publish,
    quarantine,
    query,
    rebuild,
    report,
    show,
    status,
    steps,
)
from pipelines.cli.common import EXIT_CODES
from pipelines.cli.version import show_version

app = typer.Typer(
    name="mainstay",
    help=f"Mainstay turns transactions and feedback into customer-loyalty marts people can trust.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


@app.callback()
def mainstay(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show Mainstay's version and what it runs on.",
            callback=show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Options of `mainstay` itself; its help text is the app's."""


app.command()(init.init)
app.command()(init.demo)
app.command()(draft.draft)
app.command()(nightly.nightly)
app.command()(backfill.backfill)
app.command()(steps.land)
app.command()(steps.load)
app.command()(steps.stage)
app.command()(steps.build)
app.command()(steps.fit)
app.command()(steps.validate)
app.command()(publish.publish)
app.add_typer(export.app, name="export")
app.command()(report.report)
app.command()(docs.docs)
app.command()(care.care)
app.command()(status.status)
app.command()(show.show)
app.command()(query.query)
app.command()(diff.diff)
app.add_typer(quarantine.app, name="quarantine")
app.command()(doctor.doctor)
app.command()(alerts.notify)
app.command()(rebuild.rebuild)
app.command()(forget.forget)
app.command()(nightly.up)
app.command()(bi.bi)
# Airflow's own options are passed on as they are.
app.command(context_settings={"ignore_unknown_options": True})(nightly.airflow)
