"""The SQLAlchemy dialect through which Great Expectations reads DuckDB.

Great Expectations knows no DuckDB, and through SQLAlchemy it reads a result after it has closed the
connection the result came from, so that duckdb_engine's lazy cursor has nothing left to give. Here a cursor
takes its rows at `execute`. The one DuckDB connection behind all of GX's engines and pools belongs to the
caller: when `serve` ends it is closed, and with it the lock on the file, whatever GX still holds.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from duckdb_engine import DBAPI
from duckdb_engine import Dialect as DuckDBDialect
from sqlalchemy.dialects import registry
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    import duckdb

SCHEME = "mainstay+duckdb"
registry.register("mainstay.duckdb", __name__, "MainstayDuckDBDialect")

_served: dict[str, duckdb.DuckDBPyConnection] = {}

_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "VARCHAR": sa.VARCHAR,
    "BOOLEAN": sa.BOOLEAN,
    "TINYINT": sa.SMALLINT,
    "SMALLINT": sa.SMALLINT,
    "INTEGER": sa.INTEGER,
    "BIGINT": sa.BIGINT,
    "HUGEINT": sa.BIGINT,
    "FLOAT": sa.FLOAT,
    "DOUBLE": sa.FLOAT,
    "DATE": sa.DATE,
    "TIME": sa.TIME,
    "TIMESTAMP": sa.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP,
}


@contextmanager
def serve(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Lend a DuckDB connection to Great Expectations.

    Args:
        connection: An open connection; it is closed on leaving, so that the file's lock is free again.

    Yields:
        The connection string under which SQLAlchemy finds it, valid until the block ends.
    """
    token = uuid.uuid4().hex
    _served[token] = connection
    try:
        yield f"{SCHEME}:///{token}"
    finally:
        del _served[token]
        connection.close()


def _plain(value: Any) -> Any:
    """A Python value for a numpy scalar: json knows neither numpy's booleans nor its numbers."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


class BufferedCursor:
    """A DB-API cursor that holds all its rows from `execute` on."""

    arraysize = 1

    def __init__(self, connection: BorrowedConnection, duck: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._duck = duck
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.lastrowid = None

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement and take its rows."""
        result = self._duck.execute(statement, parameters) if parameters else self._duck.execute(statement)
        self.description = list(result.description) if result.description else None
        self._rows = iter(
            [tuple(_plain(v) for v in row) for row in result.fetchall()] if self.description else []
        )

    def executemany(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement once per set of parameters."""
        self._duck.executemany(statement, list(parameters or []))

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows, at most `size`."""
        count = self.arraysize if size is None else size
        return [row for _, row in zip(range(count), self._rows, strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Keep the rows: GX reads them after closing."""


class BorrowedConnection:
    """A DB-API connection whose real connection belongs to somebody else and outlives `close`."""

    closed = False
    notices: tuple[str, ...] = ()  # the PostgreSQL base class asks for the server's notices

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck = duck

    def cursor(self) -> BufferedCursor:
        """A cursor of its own rows."""
        return BufferedCursor(self, self._duck)

    def commit(self) -> None:
        """Nothing to do: GX only reads, each statement is its own transaction."""

    rollback = close = commit


class MainstayDuckDBDialect(DuckDBDialect):  # type: ignore[misc]
    """duckdb_engine's dialect on a lent connection, with plain reflection and what GX's regex table needs."""

    driver = "mainstay"
    supports_statement_cache = False
    # GX chooses the regex function by such markers (expectations/metrics/util.py); Dremio's REGEXP_MATCHES is
    # DuckDB's regexp_matches: true where the pattern matches anywhere in the value, as re.search.
    DremioDialect = True

    def connect(self, *cargs: Any, **cparams: Any) -> BorrowedConnection:
        """Hand out the connection that `serve` lends under the database name of the address."""
        token = cparams["database"]
        if token not in _served:
            raise DBAPI.Error(
                f"no DuckDB connection is served as {token!r}; use pipelines.validate.dialect.serve"
            )
        return BorrowedConnection(_served[token])

    @classmethod
    def get_pool_class(cls, url: Any) -> type[StaticPool]:
        """One connection, so that temporary views are there for every query."""
        return StaticPool

    def do_begin(self, connection: Any) -> None:
        """No transactions, see `BorrowedConnection.commit`."""

    do_rollback = do_commit = do_begin

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        """Columns of a table or view in order, straight from DuckDB's catalog."""
        rows = connection.execute(
            sa.text(
                "select column_name, data_type, is_nullable from duckdb_columns() where table_name = :name"
                " and (cast(:schema as varchar) is null or schema_name = :schema) order by column_index"
            ),
            {"name": str(table_name), "schema": schema},
        ).fetchall()
        if not rows:
            raise sa.exc.NoSuchTableError(table_name)
        return [
            {"name": name, "type": _type(data_type), "nullable": nullable, "default": None}
            for name, data_type, nullable in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> dict[str, Any]:
        """None: keys stand in the contracts, not in the database."""
        return {"constrained_columns": [], "name": None}


def _type(data_type: str) -> sa.types.TypeEngine[Any]:
    name, _, rest = data_type.partition("(")
    if name == "DECIMAL" and rest:
        precision, scale = (int(part) for part in rest.rstrip(")").split(","))
        return sa.DECIMAL(precision, scale)
    return _TYPES.get(name, sa.types.NullType)()
