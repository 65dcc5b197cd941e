"""The served night for tools that do not read DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json, progress
from pipelines.cli.runs import as_run

app = typer.Typer(help="Carry the served night to another database.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Carry the served night to another database."""


@app.command()
@clear_errors
def postgres(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look whether it can be done, and say what would be.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Put the served night into the PostgreSQL schema, whole or not at all: what BI reads there is one night.

    The address is MAINSTAY_POSTGRES_URL, in the environment. With it set,
    every night does this as its last step, and so do publish, rollback and
    forget; by hand it is done again, even if nothing is new.
    """
    from pipelines import steps as run
    from pipelines.publish import current

    settings = load_settings()
    summary: dict[str, Any]
    with progress("export postgres", quiet=as_json) as say:
        if dry_run:
            from pipelines.export import export_postgres

            summary = export_postgres(settings, say, dry_run=True).as_dict() | {"dry_run": True}
        else:
            published = current(settings)
            day = published.as_of_date if published else datetime.now(UTC).date()
            summary = as_run(
                settings,
                "export",
                day,
                lambda run_id: run.export(settings, run_id, say, only_if_needed=False),
            )
    if as_json:
        print_json(summary)
        return
    for name, value in summary.items():
        told = f"{value:,}" if type(value) is int else value
        out.print(f"{name.replace('_', ' ')}: {told}", markup=False, soft_wrap=True)
