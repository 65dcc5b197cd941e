"""Tables that no model makes any more, or makes differently: they are found by their customers, and lose the erased ones."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.warehouse.connection import connect, scalar

if TYPE_CHECKING:
    import duckdb

    from pipelines.forget.tombstones import Tombstones
    from pipelines.settings import Settings

_COLUMNS = (
    "SELECT c.schema_name, c.table_name, c.column_name FROM duckdb_columns() AS c "
    "INNER JOIN duckdb_tables() AS t USING (database_name, schema_name, table_name) "
    "WHERE c.database_name = current_database() AND NOT t.internal AND NOT t.temporary "
    "AND c.schema_name NOT IN ('raw', 'quarantine', 'duplicates') AND c.data_type = 'VARCHAR' "
    "AND (c.column_name = 'customer_id' OR c.column_name LIKE '%\\_customer\\_id' ESCAPE '\\') ORDER BY ALL"
)


def places(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Schema, table and column of every place for customer numbers but the loaded rows."""
    found: list[tuple[str, str, str]] = connection.execute(_COLUMNS).fetchall()
    return found


def count_derived(connection: duckdb.DuckDBPyConnection, numbers: frozenset[str]) -> dict[str, int]:
    """By schema, how many rows of marts and what is below them are about these customers."""
    found: dict[str, int] = {}
    for schema, table, column in places(connection):
        rows = scalar(
            connection,
            f"SELECT count(*) FROM {ident(schema)}.{ident(table)} WHERE list_contains(?::VARCHAR[], {ident(column)})",
            [sorted(numbers)],
        )
        if rows:
            found[schema] = found.get(schema, 0) + rows
    return found


def erase_leftovers(settings: Settings, tombstones: Tombstones) -> int:
    """Remove rows of erased customers from every table that still has some after a build."""
    with closing(connect(settings)) as connection:
        found = places(connection)
        if not found:
            return 0
        every = " UNION ".join(f"SELECT {ident(c)} AS n FROM {ident(s)}.{ident(t)}" for s, t, c in found)
        numbers = tombstones.erased_of(
            row[0] for row in connection.execute(f"SELECT n FROM ({every}) WHERE n IS NOT NULL").fetchall()
        )
        rows = 0
        for schema, table, column in found if numbers else []:
            done = connection.execute(
                f"DELETE FROM {ident(schema)}.{ident(table)} WHERE list_contains(?::VARCHAR[], {ident(column)})",
                [sorted(numbers)],
            ).fetchone()
            rows += done[0] if done else 0
        return rows
