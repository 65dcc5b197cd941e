"""One table: made in PostgreSQL, filled, and counted there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from pipelines.errors import ExportError
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from pipelines.export.night import Column, Night, Table
    from pipelines.export.server import Connection

_BATCH_ROWS = 5_000
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
"""What the text format of PostgreSQL's COPY writes otherwise; the backslash first, as the others bring one."""


def create(connection: Connection, schema: str, name: str, table: Table) -> None:
    """Make the table under a name, with its types and comments, still without its key."""
    target = sql.Identifier(schema, name)
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(c.name), sql.SQL(c.type), sql.SQL(" NOT NULL" if c.required else "")
        )
        for c in table.columns
    ]
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(target, sql.SQL(", ").join(columns)))
    comments = [(sql.SQL("TABLE {}").format(target), table.comment)]
    for column in table.columns:
        place = sql.SQL("COLUMN {}").format(sql.Identifier(schema, name, column.name))
        comments.append((place, column.comment))
    for what, text in comments:
        if text:
            connection.execute(sql.SQL("COMMENT ON {} IS {}").format(what, text))


def fill(connection: Connection, schema: str, name: str, table: Table, night: Night) -> None:
    """Copy the table's rows, count them, and make the key.

    FREEZE lets a transaction that began before the swap see the rows too: else it would find the new tables empty.

    Raises:
        ExportError: not as many rows arrived as the night was published with, or the key does not hold.
    """
    target = sql.Identifier(schema, name)
    copy = sql.SQL("COPY {} FROM STDIN (FORMAT text, FREEZE)").format(target)
    try:
        with connection.cursor() as cursor, cursor.copy(copy) as into:
            for lines in _lines(night.connection, table):
                into.write(lines)
        counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(target)).fetchone()
        if counted is None or counted[0] != table.row_count:
            raise ExportError(
                f"{table.name}: {counted[0] if counted else 'no'} rows arrived in PostgreSQL, and {table.row_count} are "
                "served; the night before stays there. Export again, and look at both if it comes again"
            )
        if table.key:
            key = sql.SQL(", ").join(map(sql.Identifier, table.key))
            connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(target, key))
    except (errors.DataError, errors.IntegrityError) as error:  # what the server quotes of rows is left out
        raise ExportError(
            f"{table.name} cannot be written to PostgreSQL: {error.diag.message_primary}; the night before stays there. "
            "Mend the mart's contract or model"
        ) from error
    connection.execute(sql.SQL("ANALYZE {}").format(target))


def _lines(duck: duckdb.DuckDBPyConnection, table: Table) -> Iterator[str]:
    """The rows as COPY takes them, many lines at a time; DuckDB writes them."""
    fields = ", ".join(_field(column) for column in table.columns)
    query = f"SELECT concat_ws(chr(9), {fields}) || chr(10) FROM serving.main.{ident(table.name)}"
    for batch in duck.execute(query).to_arrow_reader(_BATCH_ROWS):
        yield "".join(batch.column(0).to_pylist())


def _field(column: Column) -> str:
    value = ident(column.name)
    for sign, written in _ESCAPES if column.is_text else ():
        value = f"replace({value}, chr({ord(sign)}), {literal(written)})"
    return f"coalesce(CAST({value} AS VARCHAR), '\\N')"
