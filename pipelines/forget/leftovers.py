"""Tables that nobody makes any more, or makes differently.

Those of models are found by their customers, and lose the erased ones. Those of a dataset whose contract was taken away go whole:
it was the contract that said which columns are about whom, and how a row that was set aside is read.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.contracts import known_contracts
from pipelines.quoting import ident, literals
from pipelines.warehouse.connection import connect, scalar, transaction
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    import duckdb

    from pipelines.forget.tombstones import Tombstones
    from pipelines.settings import Settings

_COLUMNS = (
    "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = current_database() "
    "AND schema_name NOT IN ('quarantine', 'duplicates') AND data_type = 'VARCHAR' "
    "AND NOT (schema_name = 'raw' AND list_contains(?::VARCHAR[], table_name)) "
    "AND (column_name = 'customer_id' OR column_name LIKE '%\\_customer\\_id' ESCAPE '\\') ORDER BY ALL"
)


_CONTESTED = "__contested"


def places(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[tuple[str, str, str]]:
    """Schema, table and column of every place for customer numbers but the loaded rows of datasets that have a contract."""
    loaded = [name + ending for name in known_contracts(settings) for ending in ("", _CONTESTED)]
    tables = engine_of(settings).tables(connection)
    return [place for place in connection.execute(_COLUMNS, [loaded]).fetchall() if place[:2] in tables]


def without_contract(connection: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, int]:
    """Datasets that have tables and no contract, and how many rows are in these."""
    found: dict[str, int] = {}
    for schema, table in _unowned(connection, settings):
        rows = scalar(connection, f"SELECT count(*) FROM {ident(schema)}.{ident(table)}")
        name = table.removesuffix(_CONTESTED)
        found[name] = found.get(name, 0) + rows
    return found


def _unowned(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[tuple[str, str]]:
    known = known_contracts(settings)
    return sorted(
        (schema, table)
        for schema, table in engine_of(settings).tables(connection)
        if schema in ("raw", "quarantine", "duplicates") and table.removesuffix(_CONTESTED) not in known
    )


def drop_without_contract(settings: Settings) -> dict[str, int]:
    """Drop the tables of datasets that have no contract; gives their rows.

    Should the contract come back, the dataset is loaded anew from its landing files, without whoever has been erased.
    """
    with closing(connect(settings)) as connection, transaction(connection):
        found = without_contract(connection, settings)
        for schema, table in _unowned(connection, settings):
            engine_of(settings).drop(connection, (schema, table))
        for name in found:
            connection.execute(
                "UPDATE ops.files SET status = 'removed' WHERE dataset = ? AND status = 'loaded'", [name]
            )
            connection.execute("DELETE FROM ops.unvalidated WHERE dataset = ?", [name])
    return found


def count_derived(
    connection: duckdb.DuckDBPyConnection, settings: Settings, numbers: frozenset[str]
) -> dict[str, int]:
    """By schema, how many rows of what nobody looks after, or can make anew, are about these customers."""
    found: dict[str, int] = {}
    for schema, table, column in places(connection, settings):
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
        found = places(connection, settings)
        if not found:
            return 0
        every = " UNION ".join(f"SELECT {ident(c)} AS n FROM {ident(s)}.{ident(t)}" for s, t, c in found)
        numbers = tombstones.erased_of(
            row[0] for row in connection.execute(f"SELECT n FROM ({every}) WHERE n IS NOT NULL").fetchall()
        )
        rows, engine = 0, engine_of(settings)
        for schema, table, column in found if numbers else []:
            theirs = f"list_contains({literals(sorted(numbers))}, {ident(column)})"
            with (
                transaction(connection),
                engine.changing(connection, settings, (schema, table), theirs) as name,
            ):
                done = connection.execute(f"DELETE FROM {name} WHERE {theirs}").fetchone()
            rows += done[0] if done else 0
        engine.tidy(connection, settings)
        return rows
