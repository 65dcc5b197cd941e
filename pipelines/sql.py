"""Quoting for SQL text, the one way to open the warehouse, and what its failures mean for a person."""

from __future__ import annotations

import errno
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.errors import (
    BuildError,
    LoadError,
    LockedError,
    MainstayError,
    StorageError,
    ValidationFailedError,
    WarehouseDamagedError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings


def ident(name: str) -> str:
    """Quote an identifier: any name is a name, never SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a string literal."""
    return "'" + value.replace("'", "''") + "'"


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
        raise explained(settings, error) or _damaged(settings, first) from error
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


_DAMAGE = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes from file",
    "Failed to deserialize",
    "Trying to read a database file with version",
)
_FULL = ("No space left on device", "Disk quota exceeded", "disk is full", "max_temp_directory_size")
_CLOSED = ("Read-only file system", "Permission denied", "Input/output error", "File too large")
_SOURCES = (
    *(
        "IO Error:",
        "TransactionContext Error:",
        "FATAL Error:",
        "Serialization Error:",
        "Out of Memory Error:",
    ),
    *("OperationalError", "[Errno "),
)
_OPAQUE = (MainstayError, LoadError, BuildError, ValidationFailedError)
_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_CLOSED_NUMBERS = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ESTALE),
)


def explained(settings: Settings, error: BaseException) -> MainstayError | None:
    """What a failure below the warehouse means for a person: a damaged file, a full disk, a folder without rights.

    Libraries pass such a failure on as text within errors of their own, so every error's text is looked into that
    has no better sentence; None where it means nothing of the kind.
    """
    if isinstance(error, OSError) and error.errno is not None:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if error.errno in _FULL_NUMBERS:
            return _full(settings, text)
        return _closed(settings, text) if error.errno in _CLOSED_NUMBERS else None
    # The more special errors of ours have sentences of their own.
    if not isinstance(error, Exception) or (isinstance(error, MainstayError) and type(error) not in _OPAQUE):
        return None
    first = " ".join(str(error).split())
    if not isinstance(error, duckdb.Error) and not any(source in first for source in _SOURCES):
        return None  # the words stand in somebody's data
    if any(sign in first for sign in _DAMAGE):
        return _damaged(settings, first)
    if any(sign in first for sign in _FULL):
        return _full(settings, first)
    if any(sign in first for sign in _CLOSED):
        return _closed(settings, first)
    return None


def _damaged(settings: Settings, what: str) -> WarehouseDamagedError:
    return WarehouseDamagedError(
        f"the warehouse {settings.warehouse} is damaged ({what}); run `mainstay rebuild`: it is rebuilt from the "
        "landing files. BI keeps the last published night meanwhile"
    )


def _full(settings: Settings, what: str) -> StorageError:
    return StorageError(
        f"no space is left on the disk of {settings.var} ({what}); free some space and run the same command "
        "again. BI keeps the last published night"
    )


def _closed(settings: Settings, what: str) -> StorageError:
    return StorageError(
        f"{settings.var} cannot be read or written as needed ({what}); let the user who runs Mainstay read and "
        "write there and run the same command again. BI keeps the last published night"
    )


@contextmanager
def database_errors(settings: Settings) -> Iterator[None]:
    """Raise what a disk or a damaged warehouse did to a step as one sentence; see `explained`.

    DuckDB says "Query interrupted" when a signal ends a query: then what the signal raised goes on instead.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__
        if isinstance(error, RuntimeError) and cause is not None and not isinstance(cause, Exception):
            raise cause from None
        known = explained(settings, error)
        if known is None:
            raise
        raise known from error


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
