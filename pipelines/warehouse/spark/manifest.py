"""The manifest: which folders of the lake count. It is a table of the ledger, so that rows and ledger are committed in one go.

What no entry names was left by a task that died or ran twice, or is older; it is swept away before the next load and build.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.quoting import file_literal, ident
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.engine import require_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    import duckdb

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Table
    from pipelines.warehouse.spark.lake import Lake

ROWS = "rows.parquet"
"""The one file of a loaded partition."""
PARTITION = "partition_date"
FILE = "manifest.json"
"""The manifest's copy in the lake, for readers that know no DuckDB."""

_LOADED = ("raw", "quarantine", "duplicates")


@dataclass(frozen=True)
class Entry:
    """A folder that counts: a partition of loaded rows, or a whole table."""

    schema: str
    table: str
    path: str
    """Relative to the lake."""
    partition_date: date | None = None
    columns: list[list[str]] = field(default_factory=list)
    """Of the files: name, DuckDB's and Spark's type."""
    partitioned_by: list[str] = field(default_factory=list)
    """The column in the names of a table's folders, where dbt makes its partitions; each has an entry of its own."""


def entries(connection: duckdb.DuckDBPyConnection, table: Table | None = None) -> list[Entry]:
    """The manifest, or the entries of one table; in a fixed order."""
    wanted, parameters = ("WHERE schema_name = ? AND table_name = ?", list(table)) if table else ("", [])
    rows = fetch_rows(
        connection,
        f"SELECT * FROM ops.lake {wanted} ORDER BY schema_name, table_name, partition_date, path",
        parameters,
    )
    return [
        Entry(
            row["schema_name"],
            row["table_name"],
            row["path"],
            row["partition_date"],
            json.loads(row["columns"]),
            json.loads(row["partitioned_by"]),
        )
        for row in rows
    ]


def add(connection: duckdb.DuckDBPyConnection, new: Iterable[Entry]) -> None:
    """Have folders count; within a transaction that takes away what they replace."""
    for entry in new:
        connection.execute(
            "INSERT INTO ops.lake VALUES (?, ?, ?, ?, ?, ?)",
            [
                entry.schema,
                entry.table,
                entry.partition_date,
                entry.path,
                json.dumps(entry.columns),
                json.dumps(entry.partitioned_by),
            ],
        )


def drop(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date] | None = None
) -> list[str]:
    """Have a table's folders, or those of some partitions, count no more; gives their paths, to be removed after the commit."""
    where = "schema_name = ? AND table_name = ?" + (
        "" if days is None else " AND list_contains(?, partition_date)"
    )
    parameters: list[Any] = [*table, *([] if days is None else [list(days)])]
    gone = connection.execute(f"SELECT path FROM ops.lake WHERE {where}", parameters).fetchall()
    connection.execute(f"DELETE FROM ops.lake WHERE {where}", parameters)
    return [path for (path,) in gone]


def show(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lake: Lake,
    table: Table,
    columns: Sequence[tuple[str, str]],
) -> None:
    """Let the warehouse's view of a table be what the manifest names.

    Files that lack a column, as they were written before it was known, have nulls in it.

    Args:
        connection: To the warehouse.
        settings: The deployment.
        lake: Its lake.
        table: Schema and name.
        columns: Name and DuckDB type, in the view's order.
    """
    require_kind(connection, settings, table, "VIEW")
    alike: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries(connection, table):
        if entry.partition_date is not None or (not entry.partitioned_by and lake.has_parquet(entry.path)):
            alike.setdefault(tuple(name for name, *_ in entry.columns), []).append(entry)
    nothing = ", ".join(f"CAST(NULL AS {type_}) AS {ident(name)}" for name, type_ in columns)
    selects = [_select(lake, columns, set(names), of_them) for names, of_them in alike.items()] or [
        f"SELECT {nothing} WHERE false"
    ]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(table[0])}")
    connection.execute(
        f"CREATE OR REPLACE VIEW {'.'.join(map(ident, table))} AS {' UNION ALL '.join(selects)}"
    )


def _select(lake: Lake, columns: Sequence[tuple[str, str]], names: set[str], of_them: Sequence[Entry]) -> str:
    first = of_them[0]
    is_loaded = first.partition_date is not None and not first.partitioned_by
    hive = [PARTITION] if is_loaded else first.partitioned_by
    types = ", ".join(f"{ident(name)}: {type_}" for name, type_ in columns if name in hive)
    if is_loaded:
        files = [file_literal(lake.path(f"{entry.path}/{ROWS}")) for entry in of_them]
    else:
        files = [f"{file_literal(lake.path(entry.path))[:-1]}/*.parquet'" for entry in of_them]
    items = ", ".join(
        ident(name) if name in names or name in hive else f"CAST(NULL AS {type_}) AS {ident(name)}"
        for name, type_ in columns
    )
    partitions = (
        f"hive_partitioning = true, hive_types = {{{types}}}" if hive else "hive_partitioning = false"
    )
    return f"SELECT {items} FROM read_parquet([{', '.join(files)}], {partitions})"


def write_copy(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Write the manifest into the lake, for other readers; a kill before leaves the copy behind, until the next."""
    tables: dict[str, dict[str, Any]] = {}
    for entry in entries(connection):
        found = tables.setdefault(f"{entry.schema}.{entry.table}", {"paths": []})
        if entry.partition_date is not None or not entry.partitioned_by:
            found["paths"].append(entry.path)
        found["columns"] = {name: sparks for name, _, sparks in entry.columns}
        found["partitioned_by"] = entry.partitioned_by or [PARTITION] * (entry.partition_date is not None)
    lake.write_json(FILE, {"tables": tables})


def sweep(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Remove every folder that the manifest does not name; the caller holds the warehouse's lock."""
    counts = {entry.path for entry in entries(connection)}
    # A version counts as long as one of its partitions does, and is rid of the others.
    counts |= {path.rpartition("/")[0] for path in counts if "=" in path.rpartition("/")[2]}
    found: list[str] = []
    for schema in lake.below("", 1):
        if schema in _LOADED:
            for table in lake.below(schema, 1):
                depth = 1 if table.endswith("__contested") else 2
                found += lake.below(table, depth)
        else:
            versions = lake.below(schema, 2)
            inner = [folder for path in versions if path in counts for folder in lake.below(path, 1)]
            found += [*versions, *inner]
    lake.remove(path for path in found if path not in counts)
