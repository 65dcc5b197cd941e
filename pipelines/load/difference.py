"""Partitions of the warehouse, attached for reading, beside the same partitions as a plan has just loaded them."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import LockedError
from pipelines.load.pending import loaded_versions
from pipelines.quoting import ident
from pipelines.warehouse.connection import attach_warehouse, insert_rows, scalar
from pipelines.warehouse.faults import explained
from pipelines.warehouse.reuse import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pipelines.contracts import SourceContract
    from pipelines.load.pending import Version
    from pipelines.settings import Settings

WAREHOUSE = "the warehouse"
"""Name of the attached warehouse in a plan's connection; no table of the project could bear it."""

_UNCOMPARED = ("partition_date", "file_id")
"""Columns of raw that are no news about a row."""


@dataclass
class HeldPartition:
    """What one partition holds; counts are rows."""

    versions: set[Version] = field(default_factory=set)
    rows: int = 0
    quarantined: int = 0
    rejected: int = 0
    ignored: int = 0
    duplicates: int = 0


@dataclass
class Held:
    """What a dataset holds: its partitions in the range, and its raw table's columns with their types."""

    partitions: dict[date, HeldPartition] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    is_empty: bool = True
    """Of all partitions, whatever the range."""


@dataclass
class Difference:
    """Rows added, removed and changed, by partition and by business month (YYYY-MM)."""

    partitions: dict[date, dict[str, int]] = field(default_factory=dict)
    months: dict[str, dict[str, int]] = field(default_factory=dict)
    starts: date | None = None
    """First business date whose held rows, or whose transactions' master data, differ; None: nothing does."""
    reused: list[tuple[date, int, int]] = field(default_factory=list)
    """Landing date, reused and keyed rows of partitions whose keys rows of another partition have for something else."""


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[None]:
    """Attach the warehouse for reading; one that is not there yet is empty.

    Raises:
        WarehouseDamagedError: the file is damaged.
        LockedError: it is open in a program that knows nothing of our lock.
    """
    try:
        if settings.warehouse.exists():
            attach_warehouse(settings, connection, WAREHOUSE)
        else:
            connection.execute(f"ATTACH ':memory:' AS {ident(WAREHOUSE)}")
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise explained(settings, error) or LockedError(
            f"{settings.warehouse} cannot be read ({first}); close it in other programs and run again"
        ) from error
    try:
        yield
    finally:
        connection.execute(f"DETACH {ident(WAREHOUSE)}")


def _columns(connection: duckdb.DuckDBPyConnection, schema: str, name: str, catalog: str) -> dict[str, str]:
    """Columns and types of a table, none if it is not there."""
    return dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [catalog, schema, name],
        ).fetchall()
    )


def own_catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """Name of the connection's own database."""
    return str((connection.execute("SELECT current_database()").fetchone() or ("",))[0])


def held_in(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    contract: SourceContract,
    first: date | None = None,
    last: date | None = None,
) -> Held:
    """What a dataset's partitions in the range hold in the attached warehouse, or in the connection's own database."""
    name = contract.name
    own = own_catalog(connection)
    held = Held(types=_columns(connection, "raw", name, catalog))
    if not held.types or not _columns(connection, "ops", "files", catalog):
        return held
    partitions: dict[date, HeldPartition] = defaultdict(HeldPartition)
    # A warehouse that only older versions wrote to has not all of these.
    there = _columns(connection, "ops", "files", catalog)
    counted = [c for c in ("quarantined", "rejected", "ignored", "duplicates") if c in there]
    connection.execute(f"USE {ident(catalog)}")
    try:
        for day, versions in loaded_versions(connection, contract, first, last).items():
            partitions[day].versions = versions
        sums = connection.execute(
            f"SELECT partition_date, {', '.join(f'coalesce(sum({c}), 0)' for c in counted)} FROM ops.files "
            "WHERE dataset = ? AND status = 'loaded' GROUP BY ALL",
            [name],
        ).fetchall()
        rows = connection.execute(
            f"SELECT partition_date, count(*) FROM raw.{ident(name)} GROUP BY ALL"
        ).fetchall()
    finally:
        connection.execute(f"USE {ident(own)}")
    for day, *values in sums:
        if day in partitions:
            for column, value in zip(counted, values, strict=True):
                setattr(partitions[day], column, int(value))
    for day, count in rows:
        if day in partitions:
            partitions[day].rows = int(count)
    held.partitions = dict(partitions)
    held.is_empty = not rows
    return held


def find_difference(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, replaced: Sequence[date]
) -> Difference:
    """Compare the partitions' rows in the warehouse with those in the connection's own file, by the contract's key."""
    found = Difference()
    if not replaced:
        return found
    connection.execute("CREATE OR REPLACE TEMP TABLE replaced (partition_date DATE)")
    insert_rows(connection, "replaced", [[day] for day in replaced])
    _compare(connection, contract)
    for day, what, rows in connection.execute(
        'SELECT partition_date, "what it is", count(*) FROM difference GROUP BY ALL ORDER BY ALL'
    ).fetchall():
        found.partitions.setdefault(day, {})[what] = int(rows)
    # A row that moved to another month leaves the one and comes to the other.
    for month, what, rows in connection.execute(
        "SELECT strftime(day, '%Y-%m') AS month, what, count(*) FROM ("
        'SELECT coalesce("date after", "date before") AS day, "what it is" AS what FROM difference WHERE NOT "has moved" '
        """UNION ALL SELECT "date before", 'removed' FROM difference WHERE "has moved" """
        """UNION ALL SELECT "date after", 'added' FROM difference WHERE "has moved") GROUP BY ALL ORDER BY ALL"""
    ).fetchall():
        found.months.setdefault(month, {})[what] = int(rows)
    if found.partitions:
        found.starts = _starts(connection, contract)
        found.reused = _reused(connection, contract)
    connection.execute("DROP TABLE difference")
    return found


def _compare(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> None:
    """Fill the temporary table `difference` with one row per added, removed or changed row."""
    name, own = contract.name, own_catalog(connection)
    types = {c: _columns(connection, "raw", name, c) for c in (own, WAREHOUSE)}
    columns = [c for c in {**types[own], **types[WAREHOUSE]} if c not in _UNCOMPARED]

    def side(catalog: str) -> str:
        have = types[catalog]
        if not have:  # the warehouse has no such table yet
            return f"(SELECT * FROM {ident(own)}.raw.{ident(name)} WHERE false)"
        # A column that one side does not have yet, or no more, is empty there.
        fields = ", ".join(ident(c) if c in have else f"NULL AS {ident(c)}" for c in columns)
        return (
            f"(SELECT {fields}, partition_date FROM {ident(catalog)}.raw.{ident(name)} "
            "WHERE partition_date IN (SELECT partition_date FROM replaced))"
        )

    matched = " AND ".join(f"o.{ident(k)} = n.{ident(k)}" for k in ("partition_date", *contract.key))
    differ = " OR ".join(f"o.{ident(c)} IS DISTINCT FROM n.{ident(c)}" for c in columns)
    keys = ", ".join(f"coalesce(n.{ident(k)}, o.{ident(k)}) AS {ident(k)}" for k in contract.key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE difference AS SELECT "
        f"coalesce(n.partition_date, o.partition_date) AS partition_date, {keys}, "
        # Names with blanks stand beside the key's, and no column of a contract has one.
        'o.business_date AS "date before", n.business_date AS "date after", '
        "CASE WHEN o.partition_date IS NULL THEN 'added' WHEN n.partition_date IS NULL THEN 'removed' "
        """ELSE 'changed' END AS "what it is", """
        """coalesce(date_trunc('month', "date before") <> date_trunc('month', "date after"), false) AS "has moved" """
        f"FROM {side(WAREHOUSE)} AS o FULL OUTER JOIN {side(own)} AS n ON {matched} "
        f"WHERE o.partition_date IS NULL OR n.partition_date IS NULL OR {differ}"
    )


def _reused(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> list[tuple[date, int, int]]:
    """The reused keys as they would be with the plan's rows among the warehouse's."""
    own, name, key = own_catalog(connection), ident(contract.name), ", ".join(map(ident, contract.key))
    ours, theirs = f"{ident(own)}.raw.{name}", f"{ident(WAREHOUSE)}.raw.{name}"
    shared = identity(contract)
    there = set(_columns(connection, "raw", contract.name, WAREHOUSE))
    if shared is None or not {c.name for c in contract.columns} <= there:
        return []
    names = f'{key}, partition_date, {shared} AS "its own"'
    kept = f"(FROM {theirs} WHERE partition_date NOT IN (FROM replaced))"
    contested = f"{ident(own)}.raw.{ident(contract.name + '__contested')}"
    again = (
        f"(SELECT {key} FROM {contested} UNION (SELECT {key} FROM {ours} INTERSECT SELECT {key} FROM {kept}))"
    )
    rows = (
        f"(SELECT {names} FROM (FROM {ours} UNION ALL BY NAME FROM {kept}) SEMI JOIN {again} USING ({key}))"
    )
    counted = (
        f'SELECT partition_date FROM (SELECT *, lag("its own") OVER w AS "the one before", row_number() OVER w AS "its place" '
        f"FROM {rows} WINDOW w AS (PARTITION BY {key} ORDER BY partition_date)) "
        'WHERE "its place" > 1 AND "its own" IS DISTINCT FROM "the one before"'
    )
    found: list[tuple[date, int, int]] = connection.execute(
        f"SELECT partition_date, count(*), any_value(n.keyed) FROM ({counted}) JOIN (SELECT partition_date, count(*) AS keyed "
        f"FROM (SELECT partition_date FROM {ours} UNION ALL SELECT partition_date FROM {kept}) GROUP BY ALL) AS n "
        "USING (partition_date) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return found


def _starts(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> date | None:
    """The first business date at which the difference can be seen."""
    own = own_catalog(connection)
    first = 'least(coalesce("date before", "date after"), coalesce("date after", "date before"))'
    days = [f"SELECT min({first}) FROM difference"]

    def dates_of(dataset: str, keys: Sequence[str], catalogs: Sequence[str]) -> list[str]:
        using = ", ".join(map(ident, keys))
        return [
            f"SELECT min(business_date) FROM {ident(catalog)}.raw.{ident(dataset)} "
            f"SEMI JOIN difference USING ({using})"
            for catalog in catalogs
            if set(keys) <= set(_columns(connection, "raw", dataset, catalog))
        ]

    # A row in another partition holds again when the newer one goes, and no longer when a newer one comes.
    days += dates_of(contract.name, contract.key, [WAREHOUSE])
    if contract.business_time is None:
        # Master data counts for all the transactions of its customer or product.
        of_transactions = dates_of("transactions", contract.key, [own, WAREHOUSE])
        if any(
            scalar(connection, f"SELECT count(*) FROM ({sql}) AS t(day) WHERE day IS NOT NULL")
            for sql in of_transactions
        ):
            days = of_transactions
    row = connection.execute(f"SELECT min(day) FROM ({' UNION ALL '.join(days)}) AS t(day)").fetchone()
    return row[0] if row else None
