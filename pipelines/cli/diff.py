"""What is different between two published nights."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.changes import revenue_table, show_changes
from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json, progress
from pipelines.errors import MainstayError

if TYPE_CHECKING:
    from pipelines.publish.catalog import Published


def _kept(incomplete: str) -> list[str]:
    """Words to complete a version with."""
    from pipelines.publish.catalog import version_ids

    words = ["current", "previous"]
    with suppress(MainstayError):  # a wrong setting is said by the command, not while one types
        words += version_ids(load_settings())
    return [word for word in words if word.startswith(incomplete)]


_NAME = "A version's identifier or its beginning, its as-of date, current or previous"


@clear_errors
def diff(
    before: Annotated[
        str, typer.Argument(metavar="[BEFORE]", help=f"{_NAME}.", autocompletion=_kept)
    ] = "previous",
    after: Annotated[
        str, typer.Argument(metavar="[AFTER]", help="The same.", autocompletion=_kept)
    ] = "current",
    as_json: JsonFlag = False,
) -> None:
    """Say what is different between two published nights: rows by mart, tiers moved, revenue by month.

    Exits 0 whether or not there is a difference. `mainstay publish --versions`
    lists the nights that are kept.
    """
    from pipelines.contracts import mart_contracts
    from pipelines.publish.diff import compare_versions
    from pipelines.publish.reading import find_version

    settings = load_settings()
    old, new = find_version(settings, before), find_version(settings, after)
    with progress("diff", quiet=as_json):
        changes = compare_versions(settings, old, new, mart_contracts(settings)).as_dict()
    if as_json:
        print_json({"before": _night(old), "after": _night(new), "changes": changes})
        return
    for name, night in (("before", old), ("after", new)):
        out.print(f"{name:7} {night.version} as of {night.as_of_date}", markup=False, soft_wrap=True)
    out.print()
    show_changes(changes, out, settings.currency)
    if changes["revenue_changed"] != changes["revenue_restated"]:
        out.print()
        out.print(revenue_table(f"Revenue by month, {settings.currency}", changes["revenue_changed"]))


def _night(night: Published) -> dict[str, Any]:
    return {
        "version": night.version,
        "run_id": night.run_id,
        "as_of_date": night.as_of_date,
        "published_at": night.published_at,
    }
