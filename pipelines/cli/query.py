"""A question to the published marts, in SQL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.common import clear_errors, err, load_settings
from pipelines.cli.rows import Format, Rows, write_rows
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

_FIRST_ROWS = 100
"""Rows of a table that nobody set a limit for: more are not looked at, and would be kept in memory."""


@clear_errors
def query(
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT over the marts; - reads it from standard input.")
    ],
    form: Annotated[Format, typer.Option("--format", help="How to write the rows.")] = Format.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"Rows to write at most, 0 for all; default: {_FIRST_ROWS} of a table, else all.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Ask the published marts a question in SQL. Nothing can be changed by it, and no other file be read.

    The tables are the marts that `mainstay show` lists; `_publish` says which night they are.
    """
    settings = load_settings()
    text = sys.stdin.read() if sql == "-" else sql
    most = _FIRST_ROWS if limit is None and form == Format.TABLE else limit or None
    if _ask(settings, text, form, most):
        err.print(f"only the first {most:,} rows are shown; there are more, and --limit 0 shows all of them")


def _ask(settings: Settings, text: str, form: Format, most: int | None) -> bool:
    """Write the answer; whether rows were cut.

    Raises:
        SettingsError: it is not one SELECT that can be answered.
    """
    import duckdb

    from pipelines.publish.reading import find_version, reading
    from pipelines.warehouse.faults import explained

    with reading(settings, find_version(settings)) as connection:
        try:
            _require_one_select(connection, text)
            connection.execute(text)
            rows = Rows(connection, most)
            write_rows(rows, form)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            # DuckDB says which line and which place in it.
            raise explained(settings, error) or SettingsError(
                f"the query cannot be answered. {error}"
            ) from error
    return rows.are_cut


def _require_one_select(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Whatever is no SELECT changes something, if only a setting."""
    statements = connection.extract_statements(text)
    if not statements:
        raise SettingsError("the query is empty; write a SELECT, say `select * from dim_tiers`")
    kinds = [statement.type.name for statement in statements]
    if kinds == ["CREATE", "SELECT"]:
        raise SettingsError(
            "a PIVOT that looks for its columns itself would write; name them: PIVOT … ON tier IN ('gold', 'silver')"
        )
    if len(kinds) > 1:
        raise SettingsError(f"there are {len(kinds)} statements; ask one question at a time")
    if kinds != ["SELECT"]:
        raise SettingsError(f"{kinds[0]} is no question; only a SELECT is answered, and nothing is changed")
