"""Spark's catalogue, filled from the manifest by each command: nothing of the last one counts, nothing is inferred from files."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.warehouse.connection import columns_of
from pipelines.warehouse.spark.keeper import write_rows
from pipelines.warehouse.spark.manifest import PARTITION, Entry, entries
from pipelines.warehouse.spark.types import spark_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    from pyspark.sql import SparkSession

    from pipelines.warehouse.engine import Table
    from pipelines.warehouse.spark.lake import Lake

_ALWAYS = ("raw", "ops", "fits", "seeds", "staging", "intermediate", "marts", "restricted")
_UNREAD = ("quarantine", "duplicates")
"""What no model reads."""
_PARTITIONS_AT_ONCE = 500
OWNER = "Mainstay: "
"""What the comment of each of its databases begins with, before the lake's address; `spark__create_schema` writes it too."""


def quoted(name: str) -> str:
    """An identifier of Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A text of Spark SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def databases(session: SparkSession) -> dict[str, str]:
    """The databases and their comments, without the one that is always there."""
    names = [row[0] for row in session.sql("SHOW DATABASES").collect() if row[0] != "default"]
    return {
        name: {row[0]: row[1] for row in session.sql(f"DESCRIBE DATABASE {quoted(name)}").collect()}.get(
            "Comment"
        )
        or ""
        for name in names
    }


def make_anew(session: SparkSession, lake: Lake, names: Iterable[str], *, is_shared: bool) -> None:
    """Make databases without a table. Their tables are external, so that files stay when these are dropped.

    Args:
        session: Spark's.
        lake: Whose tables will be in them; their comment names it.
        names: The databases.
        is_shared: Whether the catalogue may have databases of others. Then those of the lake are dropped, whatever their names,
            and no other one: where one has such a name, Spark says that it is there.
    """
    owner = OWNER + lake.address()
    names = list(names)
    old = [name for name, of in databases(session).items() if of == owner] if is_shared else names
    for name in old:
        session.sql(f"DROP DATABASE IF EXISTS {quoted(name)} CASCADE")
    for name in names:
        session.sql(f"CREATE DATABASE {quoted(name)} COMMENT {text(owner)}")


def fill(
    session: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    version: str,
    *,
    is_shared: bool,
) -> None:
    """Make the catalogue anew: the loaded rows, and the tables that dbt has made.

    Of a partitioned table the new partitions go below the folder of the version; those that stand stay where they lie.
    """
    found = {
        key: list(of)
        for key, of in groupby(entries(connection), key=lambda e: (e.schema, e.table))
        if key[0] not in _UNREAD
    }
    # A deployment's own models may have schemas of their own.
    schemas = dict.fromkeys((*_ALWAYS, *(schema for schema, _ in found)))
    make_anew(session, lake, schemas, is_shared=is_shared)
    for name, columns in _loaded(connection).items():
        _register_loaded(session, lake, name, columns, found.pop(("raw", name), []))
    for (schema, table), of_it in found.items():
        entry = of_it[-1]
        if entry.partitioned_by is None:
            register(session, lake, entry)
        else:
            register(session, lake, replace(entry, path=f"{schema}/{table}/{version}"))
            register_partitions(session, lake, (schema, table), of_it)


def _loaded(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """The columns of each view of loaded rows, by DuckDB's types."""
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, type_ in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = 'raw' AND NOT internal AND database_name = current_database() "
        "ORDER BY table_name, column_index"
    ).fetchall():
        tables.setdefault(table, []).append((column, type_))
    return tables


def _register_loaded(
    session: SparkSession, lake: Lake, name: str, columns: Sequence[tuple[str, str]], of_it: Sequence[Entry]
) -> None:
    is_partitioned = any(column == PARTITION for column, _ in columns)
    path = f"raw/{name}" if is_partitioned or not of_it else of_it[-1].path
    own = [[column, type_, spark_type(type_)] for column, type_ in columns if column != PARTITION]
    if is_partitioned:
        own.append([PARTITION, "DATE", "date"])
    elif not of_it:
        path = f"raw/{name}/none"
    register(session, lake, Entry("raw", name, path, None, own, PARTITION if is_partitioned else None))
    register_partitions(session, lake, ("raw", name), of_it)


def register_partitions(session: SparkSession, lake: Lake, table: Table, of_it: Sequence[Entry]) -> None:
    """Tell Spark where a table's partitions lie."""
    places = [
        f"PARTITION ({quoted(entry.partitioned_by)} = DATE '{entry.partition_date}') "
        f"LOCATION {text(lake.address(entry.path))}"
        for entry in of_it
        if entry.partitioned_by is not None and entry.partition_date is not None
    ]
    for start in range(0, len(places), _PARTITIONS_AT_ONCE):
        session.sql(
            f"ALTER TABLE {'.'.join(map(quoted, table))} ADD {' '.join(places[start : start + _PARTITIONS_AT_ONCE])}"
        )


def register(session: SparkSession, lake: Lake, entry: Entry) -> None:
    """Tell Spark of a table that lies in the lake; of a partitioned one, of no partition yet."""
    columns = ", ".join(f"{quoted(name)} {sparks}" for name, _, sparks in entry.columns)
    by = f"PARTITIONED BY ({quoted(entry.partitioned_by)})" if entry.partitioned_by else ""
    table = f"{quoted(entry.schema)}.{quoted(entry.table)}"
    session.sql(
        f"CREATE TABLE {table} ({columns}) USING parquet {by} LOCATION {text(lake.address(entry.path))}"
    )


def lend(
    session: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    tables: Sequence[Table],
    folder: str,
) -> None:
    """Write small tables of the warehouse's own into the lake, for Spark to read."""
    for schema, table in tables:
        columns = columns_of(connection, schema, table)
        if not columns:
            continue  # not there yet; a model that reads it says so
        path = f"{folder}/{schema}.{table}"
        write_rows(connection, f"FROM {ident(schema)}.{ident(table)}", lake, path)
        own = [[column, type_, spark_type(type_)] for column, type_ in columns]
        register(session, lake, Entry(schema, table, path, None, own))
