"""The night as a whole: history first, then the real DAG for one business date, then what came of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.alerts import telling_of_failure
from pipelines.cli.common import (
    JsonFlag,
    clear_errors,
    load_settings,
    out,
    parse_date,
    print_json,
    progress,
)
from pipelines.cli.dag_run import watched
from pipelines.cli.runs import as_run, last_landed_date

if TYPE_CHECKING:
    from pipelines.settings import Settings


@clear_errors
def nightly(
    day: Annotated[
        str | None,
        typer.Argument(metavar="[DATE]", help="Business date, YYYY-MM-DD; default: the last landed one."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a night: load landed history in one pass, run the DAG mainstay_nightly for one date, show a summary."""
    from pipelines.cli.summary import collect
    from pipelines.cli.summary_shown import show

    settings = load_settings()
    asked = parse_date(day)
    with telling_of_failure(settings, "mainstay_nightly", str(asked or "–"), step="history"):
        business_date = asked or last_landed_date(settings)
        history = load_history(settings, business_date, quiet=as_json)
    result = watched(
        "mainstay_nightly",
        f"nightly of {business_date}",
        settings,
        business_date=business_date,
        quiet=as_json,
        earlier=(history["run_id"],) if history else (),
    )
    summary = collect(settings, result, history)
    if as_json:
        print_json(summary)
    else:
        show(summary, out)


def load_history(settings: Settings, business_date: date, *, quiet: bool = False) -> dict[str, Any] | None:
    """Load, in one pass, what is landed for earlier dates and not loaded as it is now; None when there is nothing."""
    from pipelines import steps as run

    last = business_date - timedelta(days=1)
    with progress("looking for landed history", quiet=quiet) as say:
        pending = {name: files for name, files in run.pending(settings, None, last, say=say).items() if files}
    if not pending:
        return None
    first = min(f.partition_date for files in pending.values() for f in files)

    def work(run_id: str) -> dict[str, Any]:
        run.land(settings, run_id, first, last, say)
        run.validate(settings, run_id, "land", first, last, say)
        summary = run.load(settings, run_id, first, last, say)
        run.validate(settings, run_id, "raw", first, last, say)
        return summary

    with progress(f"loading history {first} to {last}", quiet=quiet) as say:
        return as_run(settings, "history", last, work)


@clear_errors
def up(
    host: Annotated[str, typer.Option(help="Address that the web UI listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the web UI.")] = 8080,
) -> None:
    """Start Airflow's scheduler and web UI for this deployment; Ctrl-C ends them."""
    from pipelines.orchestrate.services import up as start_services
    from pipelines.warehouse.rights import private_files

    settings = load_settings()
    with private_files(settings):
        start_services(settings, host, port, say=lambda text: out.print(text, markup=False, soft_wrap=True))


@clear_errors
def airflow(
    arguments: Annotated[
        list[str], typer.Argument(help="Airflow's own arguments; put -- before ones that start with a dash.")
    ],
) -> None:
    """Run Airflow's own command line on the deployment of `mainstay up`, say `backfill create …`."""
    from pipelines.orchestrate.services import airflow_cli
    from pipelines.warehouse.rights import private_files

    settings = load_settings()
    with private_files(settings):
        raise typer.Exit(airflow_cli(settings, arguments))
