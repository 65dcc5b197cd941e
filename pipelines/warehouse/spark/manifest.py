"""The manifest: which folders of the lake count. It is a table of the ledger, so that rows and ledger are committed in one go.

What no entry names was left by a task that died or ran twice, or is older; it is swept away before the next load and build.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.quoting import file_literal, ident, literal
from pipelines.warehouse.connection import LAKE, fetch_rows
from pipelines.warehouse.sparks_faults import not_there

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

LOADED = ("raw", "quarantine", "duplicates")
"""The schemas of what is loaded; a build makes all others."""
LENT = "lent"
"""The folder of tables that are written for one command alone."""
_BUILT = ("seeds", "staging", "intermediate", "marts", "restricted", "main", LENT)
"""The folders that a build makes, whether or not it came to its end; those of other schemas are known by their entries."""


@dataclass(frozen=True)
class Entry:
    """A folder that counts: a partition of loaded rows, or a whole table."""

    schema: str
    table: str
    path: str
    """Relative to the lake."""
    partition_date: date | None = None
    columns: list[list[str]] = field(default_factory=list)
    """Of the files: name, DuckDB's and Spark's type; in a built table's also the column that it is partitioned by."""
    partitioned_by: str | None = None
    """The column whose value for a partition is `partition_date`; it stands in the folder's name and not in the files.

    A partitioned table without rows has one entry without a date, whose folder is empty.
    """


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
            row["partitioned_by"],
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
                entry.partitioned_by,
            ],
        )


def nothing_of(lake: Lake, table: Table, path: str, columns: list[list[str]], by: str) -> Entry:
    """The one entry of a built table that is partitioned and has no rows: the next command has to know of it."""
    lake.make(path)  # Spark leaves no folder of it, and what counts has to be there
    return Entry(*table, path, None, columns, by)


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
    found = entries(connection, table)
    files = _files(lake, table, found)
    alike: dict[tuple[str, ...], list[Entry]] = {}
    for entry in found:
        if entry.path in files:
            alike.setdefault(tuple(name for name, *_ in entry.columns), []).append(entry)
    nothing = ", ".join(f"CAST(NULL AS {type_}) AS {ident(name)}" for name, type_ in columns)
    selects = [
        _select(
            columns,
            set(names),
            of_them[0].partitioned_by,
            [f for entry in of_them for f in files[entry.path]],
        )
        for names, of_them in alike.items()
    ] or [f"SELECT {nothing} WHERE false"]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(table[0])}")
    connection.execute(
        f"CREATE OR REPLACE VIEW {'.'.join(map(ident, table))} AS {' UNION ALL '.join(selects)}"
    )


def _files(lake: Lake, table: Table, of_it: Sequence[Entry]) -> dict[str, list[str]]:
    """The files of entries' folders, as DuckDB is to name them; one by one, so that no query has to look for them.

    In an object store each such look is a request, and patterns are shut out there (see `store`).
    """
    if table[0] in LOADED and all(entry.partition_date is not None for entry in of_it):
        # A loaded partition is one file, and to look for others in thousands of folders would take its time.
        found = [f"{entry.path}/{ROWS}" for entry in of_it]
    else:
        found = [path for path in lake.files("/".join(table)) if path.endswith(".parquet")]
    files: dict[str, list[str]] = {}
    for path in found:
        files.setdefault(path.rpartition("/")[0], []).append(file_literal(path))
    return files


def _select(
    columns: Sequence[tuple[str, str]], names: set[str], hive: str | None, files: Sequence[str]
) -> str:
    values = {name: f"CAST(NULL AS {type_})" for name, type_ in columns if name not in names and name != hive}
    if hive:
        # By a cast: of the column itself DuckDB 1.5 fails to say the last value where it has to read but one file.
        values[hive] = f"CAST({ident(hive)} AS DATE)"
    items = ", ".join(
        f"{values[name]} AS {ident(name)}" if name in values else ident(name) for name, _ in columns
    )
    partitions = (
        f"hive_partitioning = true, hive_types = {{{ident(hive)}: VARCHAR}}"
        if hive
        else "hive_partitioning = false"
    )
    # Below wherever the reader's deployment has its lake, so that one that is moved is found, and a copy reads its own.
    below = f"[getvariable({literal(LAKE)}) || '/' || file FOR file IN [{', '.join(files)}]]"
    return f"SELECT {items} FROM read_parquet({below}, {partitions})"


def require_there(connection: duckdb.DuckDBPyConnection, settings: Settings, lake: Lake) -> None:
    """Make sure that each folder that counts is there: Spark takes a table or partition without its own for one without rows.

    Raises:
        EngineError: the lake was moved, is not mounted, or lost something.
    """
    if lake.folder is None:  # to ask a store for thousands of names takes its time
        return
    gone = [entry.path for entry in entries(connection) if not (lake.folder / entry.path).is_dir()]
    if gone:
        more = f" and {len(gone) - 1:,} more folders" if len(gone) > 1 else ""
        raise not_there(settings, f"{gone[0]}{more}")


def write_copy(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Write the manifest into the lake, for other readers; a kill before leaves the copy behind, until the next."""
    tables: dict[str, dict[str, Any]] = {}
    for entry in entries(connection):
        found = tables.setdefault(f"{entry.schema}.{entry.table}", {"paths": []})
        found["paths"].append(entry.path)
        found["columns"] = {name: sparks for name, _, sparks in entry.columns}
        found["partitioned_by"] = entry.partitioned_by
    lake.write_json(FILE, {"tables": tables})


def sweep(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Remove every folder that the manifest does not name; the caller holds the warehouse's lock."""
    named = entries(connection)
    counts = {entry.path for entry in named}
    ours = {*LOADED, *_BUILT, *(entry.schema for entry in named)}
    # What a build has made of a partitioned table lies a folder deeper, and counts partition by partition.
    above = {path.rpartition("/")[0] for path in counts}
    found: list[str] = []
    for schema in sorted(ours & set(lake.below("", 1))):
        if schema in LOADED:
            for table in lake.below(schema, 1):
                depth = 1 if table.endswith("__contested") else 2
                found += lake.below(table, depth)
        else:
            for version in lake.below(schema, 2):
                found += lake.below(version, 1) if version in above else [version]
    lake.remove(path for path in found if path not in counts)
