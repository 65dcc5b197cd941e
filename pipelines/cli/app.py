"""The command line's table of contents."""

from __future__ import annotations

import typer

from pipelines.cli import (
    backfill,
    bi,
    care,
    doctor,
    draft,
    forget,
    init,
    nightly,
    quarantine,
    rebuild,
    report,
    status,
    steps,
)
from pipelines.cli.common import EXIT_CODES

app = typer.Typer(
    name="mainstay",
    help=f"Mainstay turns transactions and feedback into customer-loyalty marts people can trust.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)

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
app.command()(steps.publish)
app.command()(report.report)
app.command()(care.care)
app.command()(status.status)
app.add_typer(quarantine.app, name="quarantine")
app.command()(doctor.doctor)
app.command()(rebuild.rebuild)
app.command()(forget.forget)
app.command()(nightly.up)
app.command()(bi.bi)
# Airflow's own options are passed on as they are.
app.command(context_settings={"ignore_unknown_options": True})(nightly.airflow)

if __name__ == "__main__":
    app()
