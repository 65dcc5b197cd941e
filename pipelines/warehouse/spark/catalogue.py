"""Spark's catalogue, filled from the manifest: nothing of it outlives the session, and nothing is inferred from files."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.warehouse.spark.manifest import PARTITION, Entry, entries
from pipelines.warehouse.spark.types import spark_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    from pyspark.sql import SparkSession

    from pipelines.warehouse.engine import Table
    from pipelines.warehouse.spark.lake import Lake

SCHEMAS = ("raw", "ops", "fits", "seeds", "staging", "intermediate", "marts", "restricted")
_PARTITIONS_AT_ONCE = 500


def quoted(name: str) -> str:
    """An identifier of Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A text of Spark SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fill(session: SparkSession, connection: duckdb.DuckDBPyConnection, lake: Lake, version: str) -> None:
    """Make the catalogue anew: the loaded rows, and the tables that dbt has made.

    New partitions of such a table will lie below its folder of `version`; the ones that it has stay where they are.
    """
    for schema in SCHEMAS:
        session.sql(f"DROP DATABASE IF EXISTS {schema} CASCADE")  # its tables are external, their files stay
        session.sql(f"CREATE DATABASE {schema}")
    found = {key: list(of) for key, of in groupby(entries(connection), key=lambda e: (e.schema, e.table))}
    for name, columns in _loaded(connection).items():
        _register_loaded(session, lake, name, columns, found.pop(("raw", name), []))
    for (schema, name), of_it in found.items():
        if schema not in SCHEMAS:
            continue
        last = of_it[-1]
        if not last.partitioned_by:
            register(session, lake, last)
            continue
        path = f"{schema}/{name}/{version}"
        register(session, lake, Entry(schema, name, path, None, last.columns, last.partitioned_by))
        register_partitions(session, lake, (schema, name), of_it, last.partitioned_by[0])


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
    register(
        session,
        lake,
        Entry("raw", name, path, None, own, [PARTITION] if is_partitioned else []),
    )
    register_partitions(session, lake, ("raw", name), of_it)


def register_partitions(
    session: SparkSession, lake: Lake, table: Table, of_it: Sequence[Entry], column: str = PARTITION
) -> None:
    """Tell Spark where the partitions of a table lie."""
    places = [
        f"PARTITION ({quoted(column)} = DATE '{entry.partition_date}') LOCATION {text(lake.address(entry.path))}"
        for entry in of_it
        if entry.partition_date is not None
    ]
    for start in range(0, len(places), _PARTITIONS_AT_ONCE):
        session.sql(
            f"ALTER TABLE {'.'.join(map(quoted, table))} ADD {' '.join(places[start : start + _PARTITIONS_AT_ONCE])}"
        )


def register(session: SparkSession, lake: Lake, entry: Entry) -> None:
    """Tell Spark of a table that lies in the lake; of its partitions it is told apart."""
    columns = ", ".join(f"{quoted(name)} {sparks}" for name, _, sparks in entry.columns)
    by = ", ".join(map(quoted, entry.partitioned_by))
    table = f"{quoted(entry.schema)}.{quoted(entry.table)}"
    session.sql(
        f"CREATE TABLE {table} ({columns}) USING parquet {f'PARTITIONED BY ({by})' if by else ''} "
        f"LOCATION {text(lake.address(entry.path))}"
    )


def lend(
    session: SparkSession,
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    tables: Sequence[Table],
    folder: str,
) -> None:
    """Write small tables of the warehouse's own into the lake, for Spark to read."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from pipelines.quoting import ident, literal

    for schema, table in tables:
        columns = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database() ORDER BY column_index",
            [schema, table],
        ).fetchall()
        if not columns:
            continue  # not there yet; a model that reads it says so
        path = f"{folder}/{schema}.{table}"
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "rows.parquet"
            connection.execute(
                f"COPY {ident(schema)}.{ident(table)} TO {literal(str(file))} (FORMAT parquet)"
            )
            lake.put(file, f"{path}/rows.parquet")
        own = [[column, type_, spark_type(type_)] for column, type_ in columns]
        register(session, lake, Entry(schema, table, path, None, own))
