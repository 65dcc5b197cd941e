"""Tomorrow's list: whom to contact, why, and how."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, parse_date, print_json, progress
from pipelines.cli.tables import Listing

if TYPE_CHECKING:
    from pipelines.care import CareList

_FIRST_ROWS = 10


class Language(StrEnum):
    """Languages of the list."""

    EN = "en"
    ZH = "zh"


@clear_errors
def care(
    date: Annotated[
        str | None, typer.Option(help="Date of the list, YYYY-MM-DD; default: the day after the marts' date.")
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--out", help="File to write with names and telephone numbers, .xlsx or .csv."),
    ] = None,
    language: Annotated[Language, typer.Option(help="Of labels and sentences.")] = Language.EN,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List whom to contact tomorrow, and why.

    With --out a file that you alone can read, with names, telephone numbers, e-mails and birthdays; the ledger notes it.
    Without, the list is shown here, and has none of them. Nobody without consent is on it.
    """
    from pipelines.care import COLUMNS, export_list, read_list

    settings, day = load_settings(), parse_date(date)
    if target is None:
        with progress("care", quiet=as_json) as say:
            found = read_list(settings, day, language.value, on_wait=say)
        if as_json:
            print_json(_summary(found) | {"rows": _without_personal(found)})
        else:
            _show(found)
        return
    with progress("care", quiet=as_json) as say:
        done = export_list(settings, target, day, language.value, force=force, dry_run=dry_run, on_wait=say)
    if as_json:
        print_json(
            _summary(done.care) | {"path": target, "columns": list(COLUMNS), "is_written": done.is_written}
        )
        return
    what = "written to" if done.is_written else "would be written to"
    out.print(f"{len(done.care.rows):,} contacts {what} {target}", markup=False, soft_wrap=True)
    _show_counts(done.care)
    out.print(f"columns: {', '.join(COLUMNS)}", markup=False, soft_wrap=True)
    if done.is_written:
        out.print("it holds personal data: only you can read it; delete it when the calls are made")


def _summary(found: CareList) -> dict[str, Any]:
    return {
        "date": found.list_date,
        "as_of_date": found.as_of_date,
        "run_id": found.run_id,
        "contacts": len(found.rows),
        "by_priority": found.by_priority(),
        "unreachable": found.unreachable,
    }


def _without_personal(found: CareList) -> list[dict[str, Any]]:
    from pipelines.care import PERSONAL

    return [{name: value for name, value in row.items() if name not in PERSONAL} for row in found.rows]


def _show(found: CareList) -> None:
    out.print(f"contacts due by {found.list_date}, from the marts as of {found.as_of_date}")
    _show_counts(found)
    if not found.rows:
        return
    table = Listing(None, ("", "customer", "contact", "why"))
    for row in found.rows[:_FIRST_ROWS]:
        table.add(
            str(row["priority"]),
            f"{row['customer_id']}\n{row['tier']}",
            f"{row['contact_kind']}\n{row['due_date']:%m-%d}, {row['status']}",
            row["why"],
        )
    out.print(table)
    if len(found.rows) > _FIRST_ROWS:
        out.print(f"… and {len(found.rows) - _FIRST_ROWS:,} more")
    out.print("with names and telephone numbers: mainstay care --out tomorrow.xlsx", soft_wrap=True)


def _show_counts(found: CareList) -> None:
    if not found.rows:
        out.print(f"nobody is to be contacted by {found.list_date}")
        return
    counts = ", ".join(f"{priority}: {count:,}" for priority, count in found.by_priority().items())
    out.print(f"by priority {counts}")
    if found.unreachable:
        out.print(f"[yellow]not reachable by their channel:[/] {found.unreachable:,}")
