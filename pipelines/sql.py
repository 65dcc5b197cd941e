"""Quoting for SQL text, and the one way to open the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.errors import LockedError, MainstayError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings


def ident(name: str) -> str:
    """Quote an identifier: any name is a name, never SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a string literal."""
    return "'" + value.replace("'", "''") + "'"


def connect(
    settings: Settings, path: Path | None = None, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (the warehouse by default) with the deployment's limits, in UTC.

    Raises:
        LockedError: a program that knows nothing of our lock has the warehouse open.
        MainstayError: the warehouse is damaged or no DuckDB file.
        duckdb.Error: so is the file at `path`; the caller knows what that means.
    """
    target = path or settings.warehouse
    if not read_only:
        target.parent.mkdir(parents=True, exist_ok=True)
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
        raise MainstayError(
            f"{target} cannot be opened ({first}). Move it away, and its .wal if there is one, and run "
            "`mainstay nightly`: the warehouse is rebuilt from the landing files"
        ) from error
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
