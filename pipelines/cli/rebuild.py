"""A lost or damaged warehouse: set what is left of it aside, load everything that is landed, and publish."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.backfill import run_backfill, show_backfill
from pipelines.cli.common import JsonFlag, clear_errors, err, load_settings, out, print_json
from pipelines.cli.tables import Listing
from pipelines.errors import LandingError, SettingsError

if TYPE_CHECKING:
    from pipelines.publish import Published
    from pipelines.settings import Settings


@clear_errors
def rebuild(
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Publish even if fewer transactions are landed than BI sees now.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be set aside and loaded; changes nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the warehouse is set aside.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Begin the warehouse anew: set the old file aside, load everything that is landed, build, publish once.

    For a lost or damaged warehouse: complete landing files give the same marts.
    The old file is kept beside the new one, under a name with the time, until
    you delete it. The ledger's history of runs and checks stays in it. What
    lies in a lake is kept in a folder of the lake, under the same name.

    If fewer transactions are landed than BI sees, nothing is published, by
    this command or any other run of the new warehouse: BI keeps what it has
    until the files are back, or you give --accept-loss.

    Killed in between, it can be run again; so can `mainstay nightly`.
    """
    from pipelines.orchestrate.request import Backfill
    from pipelines.publish import current
    from pipelines.warehouse.aside import Aside, set_aside

    settings = load_settings()
    landed = _landed(settings)
    published = current(settings)
    if dry_run:
        _show_plan(settings, landed, published, as_json=as_json)
        return
    _confirm(settings, yes=yes)
    every = [day for dates in landed.values() for day in dates]
    asked = Backfill(
        first=min(every),
        last=max(every),
        as_of=published.as_of_date if published else None,
        accept_loss=accept_loss,
    )
    kept = Aside()

    def prepare() -> None:
        nonlocal kept
        kept = set_aside(settings)
        old = [str(path) for path in kept if path is not None]
        if old:
            what = "the old warehouse is" if kept.file else "rows whose warehouse is lost are"
            told = f"{what} kept as {' and '.join(old)}"
            err.print(told, *_going(settings), markup=False, soft_wrap=True)

    what = f"rebuild of {asked.first} to {asked.last}"
    summary = run_backfill(settings, asked, what, quiet=as_json, prepare=prepare)
    summary["aside"], summary["aside_rows"] = (str(path) if path else None for path in kept)
    if as_json:
        print_json(summary)
        return
    show_backfill(settings, summary)
    if kept.file:
        out.print("the history of runs is in the old warehouse:", kept.file, markup=False, soft_wrap=True)
    if summary["lost_transactions"]:
        out.print(
            f"[bold red]lost:[/] {summary['lost_transactions']:,} transactions that were served are not landed any "
            "more. `mainstay publish --rollback` brings back what BI saw before",
            soft_wrap=True,
        )


def _landed(settings: Settings) -> dict[str, list[date]]:
    """Per dataset that has files, its landed dates.

    Raises:
        LandingError: nothing is landed.
    """
    from pipelines.contracts import source_contracts
    from pipelines.land import landed_dates

    contracts = source_contracts(settings)
    found = {name: landed_dates(settings, contract) for name, contract in contracts.items()}
    if not any(found.values()):
        raise LandingError(
            f"nothing is landed in {settings.landing}, so there is nothing to rebuild the warehouse from; bring the "
            "landing files back, or set MAINSTAY_LANDING_DIR to where they are"
        )
    return {name: dates for name, dates in found.items() if dates}


def _confirm(settings: Settings, *, yes: bool) -> None:
    if yes or not settings.warehouse.exists():
        return
    if not sys.stdin.isatty():
        raise SettingsError(
            "rebuild asks before it sets the warehouse aside, and there is no terminal to ask on; give --yes"
        )
    goes = "".join(f" {sentence}" for sentence in _going(settings))
    question = f"Set {settings.warehouse} aside and load everything that is landed?{goes}"
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def _going(settings: Settings) -> list[str]:
    """What a rebuild does not keep, in words: an object store renames nothing, and a copy would cost as much as the load."""
    from pipelines.warehouse.store import address_of

    address = address_of(settings)
    if address is None:
        return []
    return [
        f"The rows in {address} are not kept with it: the load removes them, and the old file has its ledger alone."
    ]


def _show_plan(
    settings: Settings, landed: dict[str, list[date]], published: Published | None, *, as_json: bool
) -> None:
    plan: dict[str, Any] = {
        "sets_aside": str(settings.warehouse) if settings.warehouse.exists() else None,
        "not_kept": _going(settings) if settings.warehouse.exists() else [],
        "as_of_date": published.as_of_date if published else None,
        "served_transactions": published.tables["fct_transactions"].row_count if published else None,
        "datasets": {
            name: {"dates": len(dates), "first_date": dates[0], "last_date": dates[-1]}
            for name, dates in landed.items()
        },
    }
    if as_json:
        print_json(plan)
        return
    out.print("\n[bold]Dry run:[/] nothing is changed")
    table = Listing("To load", ("dataset", "dates", "first", "last"), {"dates"})
    for name, part in plan["datasets"].items():
        table.add(name, f"{part['dates']:,}", str(part["first_date"]), str(part["last_date"]))
    out.print(table)
    aside = plan["sets_aside"]
    out.print(
        f"set aside: {aside}" if aside else "there is no warehouse to set aside", markup=False, soft_wrap=True
    )
    for sentence in plan["not_kept"]:
        out.print(sentence, markup=False, soft_wrap=True)
    if published:
        out.print(
            f"BI is served {plan['served_transactions']:,} transactions as of {plan['as_of_date']}; fewer are "
            "published only with --accept-loss",
            soft_wrap=True,
        )
