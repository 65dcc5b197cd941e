"""The one way to open the warehouse, and how its rows are read and written."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.errors import LockedError
from pipelines.quoting import literal
from pipelines.warehouse.faults import damaged, explained
from pipelines.warehouse.rights import private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

_open: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()


def interrupt_queries() -> None:
    """End every query under way: after a signal DuckDB's threads go on, and to close a connection waits for them."""
    for connection in list(_open):
        with suppress(duckdb.Error):  # closed already
            connection.interrupt()


def connect(
    settings: Settings, path: Path | None = None, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (the warehouse by default) with the deployment's limits, in UTC.

    Raises:
        LockedError: a program that knows nothing of our lock has the warehouse open.
        WarehouseDamagedError: the warehouse is damaged or no DuckDB file.
        StorageError: the disk is full or does not let us.
        duckdb.Error: so it is with the file at `path`; the caller knows what that means.
    """
    target = path or settings.warehouse
    if not read_only:
        private_folder(settings, target.parent)
    try:
        connection = duckdb.connect(str(target), read_only=read_only)
    except duckdb.Error as error:
        if path is not None:
            raise
        first = str(error).splitlines()[0]
        if "Could not set lock" in first or "different configuration" in first:
            raise LockedError(
                f"{target} is open in another program ({first}); close it there and run again"
            ) from error
        raise explained(settings, error) or damaged(settings, first) from error
    _open.add(connection)
    connection.execute("SET TimeZone = 'UTC'")
    if settings.duckdb_threads:
        connection.execute(f"SET threads = {settings.duckdb_threads:d}")
    if settings.duckdb_memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.duckdb_memory_limit)}")
    return connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit on success, roll back on any error."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # A signal leaves the query under way in DuckDB's other threads, and ROLLBACK would wait for its end.
        connection.interrupt()
        # After a fatal error, a full disk for one, DuckDB has ended the transaction; what went wrong must stand.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def fetch_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, each by its column names."""
    cursor = connection.execute(sql, parameters or [])
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> int:
    """The one number that a query gives."""
    row = connection.execute(sql, parameters or []).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert many rows with few statements: one of DuckDB's for each row costs a third of a millisecond."""
    for start in range(0, len(rows), _INSERT_ROWS):
        batch = rows[start : start + _INSERT_ROWS]
        marks = f"({', '.join('?' * len(batch[0]))})"
        connection.execute(
            f"INSERT INTO {table} VALUES {', '.join([marks] * len(batch))}",
            [value for row in batch for value in row],
        )


_INSERT_ROWS = 500
