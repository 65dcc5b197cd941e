"""A person's right to be forgotten: say what would be erased, ask, and erase."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.common import JsonFlag, clear_errors, err, load_settings, out, print_json, progress
from pipelines.cli.runs import as_run
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from pipelines.forget.erase import Erased
    from pipelines.settings import Settings


@clear_errors
def forget(
    customer_id: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER_ID]", help="The number, as the source writes it.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish an erasure that was interrupted; takes no number.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be erased; changes nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is erased.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase a person everywhere, for good: landing files, loaded rows, marts, old versions, results and logs.

    Numbers that are merged with theirs go with them. Their sales stay as sales
    without a customer, so revenue stays what it was; all else of them goes. A
    keyed hash stays, so that no file brings them back.

    Interrupted, it is finished by the next run of any command that writes, or
    by --resume.
    """
    from pipelines import steps as run

    settings = load_settings()
    if (customer_id is None) is not resume:
        raise SettingsError("name the customer to forget, or give --resume alone")
    _name_left_alone(settings)
    if customer_id is None:
        with progress("forget", quiet=as_json) as say:
            summary = run.finish_forgetting(settings, _run_id(), say)
        _show(summary or {"unfinished_erasures": 0}, as_json=as_json)
        return
    if not customer_id.strip():
        raise SettingsError("an empty text is nobody's number")
    if dry_run:
        with progress("looking", quiet=as_json) as say:
            found = run.to_forget(settings, customer_id, say)
        _show({**found.as_dict(), "dry_run": True}, as_json=as_json)
        _name_unread([str(path) for path in found.unread], as_json=as_json)
        return
    _confirm(settings, customer_id, yes=yes)
    with progress("forget", quiet=as_json) as say:
        run.to_forget(settings, customer_id, say)  # of an unknown number no run is opened
        summary = as_run(
            settings, "forget", _today(), lambda run_id: run.forget(settings, run_id, customer_id, say)
        )
    unread = summary["files_not_looked_into"]
    _show({**summary, "files_not_looked_into": unread if as_json else len(unread)}, as_json=as_json)
    _name_unread(unread, as_json=as_json)


def _today() -> Any:
    return datetime.now(UTC).date()


def _run_id() -> str:
    from pipelines.warehouse import ledger

    return ledger.new_run_id("forget", _today())


def _confirm(settings: Settings, customer_id: str, *, yes: bool) -> None:
    from pipelines import steps as run

    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError("forget asks before it erases, and there is no terminal to ask on; give --yes")
    with progress("looking") as say:
        found: Erased = run.to_forget(settings, customer_id, say)
    _show(found.as_dict(), as_json=False)
    if not typer.confirm("Erase all this? It cannot be taken back", err=True):
        raise typer.Exit(1)


def _show(summary: dict[str, Any], *, as_json: bool) -> None:
    """The counts, a line each; nothing that is nobody's."""
    if as_json:
        print_json(summary)
        return
    for name, value in summary.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            for place, count in value.items():
                parts = count.items() if isinstance(count, dict) else [("", count)]
                told = ", ".join(f"{n:,} {part.replace('_', ' ')}".strip() for part, n in parts)
                out.print(f"{label}: {place.replace('_', ' ')}: {told}", markup=False)
        elif value is not None:
            out.print(f"{label}: {value:,}" if type(value) is int else f"{label}: {value}", markup=False)


def _name_unread(paths: list[str], *, as_json: bool) -> None:
    """Files that nobody can look into but a person."""
    for path in [] if as_json else paths:
        err.print(
            f"not looked into, as it is not what its contract says: {path}; remove it or mend it, and run again",
            markup=False,
            soft_wrap=True,
        )


def _name_left_alone(settings: Settings) -> None:
    """A lake that the settings name, and that only a person can know the use of."""
    from pipelines.warehouse.aside import left_alone

    reason = left_alone(settings)
    if reason is not None:
        err.print(
            f"left alone: {reason}; if this deployment had its rows there, erase them yourself",
            markup=False,
            soft_wrap=True,
        )
