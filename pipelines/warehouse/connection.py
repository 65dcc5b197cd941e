"""The one way to open the warehouse, and how its rows are read and written."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from pipelines.errors import LockedError
from pipelines.quoting import file_literal, ident, literal, no_pattern
from pipelines.warehouse.faults import damaged, explained
from pipelines.warehouse.rights import private_folder
from pipelines.warehouse.spill import spill_folder
from pipelines.warehouse.store import reach

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

log = logging.getLogger(__name__)

Opened = TypeVar("Opened")

_POLL_SECONDS = 0.1

LAKE = "mainstay_lake"
"""The variable of a connection by which views find the rows that lie beside the file, wherever these lie by now."""

_open: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()


def interrupt_queries() -> None:
    """End every query under way: after a signal DuckDB's threads go on, and to close a connection waits for them."""
    for connection in list(_open):
        with suppress(duckdb.Error):  # closed already
            connection.interrupt()


def connect(
    settings: Settings, path: Path | None = None, *, read_only: bool = False, rows: bool = True
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (the warehouse by default), or `:memory:`, with the deployment's limits, in UTC.

    Args:
        settings: The deployment.
        path: The file.
        read_only: Whether nothing is written.
        rows: Whether rows are read, which may lie in an object store; the ledger does not, and must be written all the
            more where that store cannot be reached.

    Raises:
        EngineError: rows lie in an object store, and DuckDB lacks what reads it.
        LockedError: a program that knows nothing of our lock has had the warehouse open for `lock_timeout_seconds`.
        WarehouseDamagedError: the warehouse is damaged or no DuckDB file.
        StorageError: the disk is full or does not let us.
        duckdb.Error: so it is with the file at `path`; the caller knows what that means.
    """
    target = path or settings.warehouse
    is_in_memory = str(target) == ":memory:"
    if not (read_only or is_in_memory):
        private_folder(settings, target.parent)
    try:
        connection = _patiently(settings, target, lambda: duckdb.connect(str(target), read_only=read_only))
    except duckdb.Error as error:
        if path is not None:
            raise
        first = str(error).splitlines()[0]
        if "Could not set lock" in first or "different configuration" in first:
            raise LockedError(
                f"{target} is open in another program ({first}); waited {settings.lock_timeout_seconds:g} s "
                "(MAINSTAY_LOCK_TIMEOUT_SECONDS). Close it there and run again"
            ) from error
        raise explained(settings, error) or damaged(settings, first) from error
    _open.add(connection)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET VARIABLE {LAKE} = {file_literal(settings.lake)}")
    if is_in_memory:
        connection.execute(f"SET temp_directory = {literal(str(spill_folder(settings)))}")
    if settings.duckdb_threads:
        connection.execute(f"SET threads = {settings.duckdb_threads:d}")
    if settings.duckdb_memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.duckdb_memory_limit)}")
    if rows and target == settings.warehouse:
        try:
            reach(connection, settings)
        except BaseException:
            connection.close()
            raise
    return connection


def attach_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Attach the warehouse for reading, under a name.

    Raises:
        EngineError: its rows lie in an object store, and DuckDB lacks what reads it.
        duckdb.Error: it cannot be opened, or another program has had it open for `lock_timeout_seconds`.
    """
    reach(connection, settings)
    sql = f"ATTACH {literal(str(settings.warehouse))} AS {ident(name)} (READ_ONLY)"
    _patiently(settings, settings.warehouse, lambda: connection.execute(sql))


def _patiently(settings: Settings, path: Path, opened: Callable[[], Opened]) -> Opened:
    """Open a file as soon as no other program has it open: somebody looks at the warehouse by hand now and then."""
    deadline = time.monotonic() + settings.lock_timeout_seconds
    is_said = False
    while True:
        try:
            return opened()
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error) or time.monotonic() >= deadline:
                raise
            if not is_said:
                log.warning("waiting for another program that has %s open", path)
                is_said = True
        time.sleep(_POLL_SECONDS)


def restrict(connection: duckdb.DuckDBPyConnection, places: Sequence[Path | str]) -> None:
    """From now on the database reads and writes no file but its own and those below the places, and no setting changes.

    Contracts hold SQL. What it may be is checked when they are read; this is the second wall.

    Args:
        connection: To the database, with all that it needs loaded.
        places: Folders, and addresses in an object store, which end with a slash: what only begins alike is no part of them.
    """
    paths = [str(path) for place in places for path in _spellings(place)]
    # A reader is given patterns, and DuckDB holds them against this list before it looks what they mean.
    allowed = dict.fromkeys([*paths, *map(no_pattern, paths)])
    connection.execute(f"SET allowed_directories = [{', '.join(map(literal, allowed))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _spellings(place: Path | str) -> tuple[Path | str, ...]:
    if isinstance(place, str):
        if not place.endswith("/"):
            raise ValueError(f"{place} would be more than one place")
        return (place,)
    return (place, place.absolute())


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
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The rows of a query, each by its column names."""
    cursor = connection.execute(sql, parameters or [])
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> int:
    """The one number that a query gives."""
    row = connection.execute(sql, parameters or []).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def columns_of(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a table or view of the connection's own database, in their order; none without it."""
    return list(columns_by_table(connection, [schema]).get((schema, table), {}).items())


def columns_by_table(
    connection: duckdb.DuckDBPyConnection, schemas: Iterable[str]
) -> dict[tuple[str, str], dict[str, str]]:
    """As `columns_of`, of all tables and views of some schemas: one look at the catalogue for all of them."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, type_ in connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE list_contains(?, schema_name) AND database_name = current_database() ORDER BY column_index",
        [list(schemas)],
    ).fetchall():
        found.setdefault((schema, table), {})[column] = type_
    return found


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
