"""The served night as it is to stand in PostgreSQL: read from the serving file itself, whichever version that is."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts import mart_contracts
from pipelines.contracts.info_table import INFO_TABLE
from pipelines.errors import ExportError
from pipelines.publish.catalog import current, serving_file
from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

LAYOUT = 1
"""To be raised when this package makes other tables of the same night, so that it is exported anew."""

NAME_BYTES = 63
"""PostgreSQL cuts longer names off."""

_TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp with time zone",
}
"""A mart's timestamps are UTC: in PostgreSQL they are moments, which each reader sees by the own clock."""
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL is to have it."""

    name: str
    type: str
    required: bool
    comment: str | None
    is_text: bool


@dataclass(frozen=True)
class Table:
    """A table of the night, with the rows that the night was published with."""

    name: str
    comment: str | None
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that make a row one; none where today's contract is of another version than the table."""
    row_count: int


@dataclass(frozen=True)
class Night:
    """What is served, and the connection that reads just this, whatever is published meanwhile."""

    connection: duckdb.DuckDBPyConnection
    version: str
    description: str
    """What the schema's comment says of it."""
    tables: tuple[Table, ...]

    @property
    def row_count(self) -> int:
        """Rows of all marts."""
        return sum(table.row_count for table in self.tables)


MARK = "Mainstay's marts"
"""How the comment of a schema begins that Mainstay made, and may change."""


@contextmanager
def served_night(settings: Settings) -> Iterator[Night]:
    """Open what is served.

    Raises:
        ExportError: nothing is published, or a table cannot be told in PostgreSQL's terms.
        PublishError: the serving file cannot be read.
    """
    published = current(settings)
    if published is None:
        raise ExportError(
            "nothing is published yet, so there is nothing to export; run `mainstay publish` first"
        )
    with connect(settings, Path(":memory:")) as connection:
        # Attached, not opened: that would hand out the old night while this process has it open elsewhere.
        connection.execute(f"ATTACH {literal(str(serving_file(settings)))} AS serving (READ_ONLY)")
        version, run_id, as_of = connection.execute(
            f"SELECT DISTINCT version, run_id, as_of_date FROM serving.main.{ident(INFO_TABLE)}"
        ).fetchall()[0]
        yield Night(
            connection,
            version,
            f"{MARK} as of {as_of}, version {version}, of the run {run_id}; for members of the role "
            f"{settings.postgres_reader}; layout {LAYOUT}. Written by Mainstay alone: what else is in it may hold up a night.",
            _tables(settings, connection),
        )


def _tables(settings: Settings, connection: duckdb.DuckDBPyConnection) -> tuple[Table, ...]:
    contracts = mart_contracts(settings)
    info = {
        name: (count, version)
        for name, count, version in connection.execute(
            f"SELECT table_name, row_count, contract_version FROM serving.main.{ident(INFO_TABLE)}"
        ).fetchall()
    }
    columns: dict[str, list[Column]] = {}
    for table, name, type_, nullable, comment in connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE database_name = 'serving' AND schema_name = 'main' ORDER BY table_name, column_index"
    ).fetchall():
        column = Column(name, _type(table, name, type_), not nullable, comment, type_ == "VARCHAR")
        columns.setdefault(table, []).append(column)
    comments = dict(
        connection.execute(
            "SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'serving'"
        ).fetchall()
    )
    found = []
    for name, its in columns.items():
        contract = contracts.get(name)
        count, version = info.get(name, (len(info), None))
        key = tuple(contract.key) if contract is not None and contract.version == version else ()
        if name == INFO_TABLE:
            key = ("table_name",)
        found.append(Table(name, comments.get(name), tuple(its), key, count))
    return tuple(found)


def _type(table: str, column: str, type_: str) -> str:
    for name in (table, column):
        if len(name.encode()) > NAME_BYTES:
            raise ExportError(
                f"{table}.{column}: {name!r} is longer than the {NAME_BYTES} bytes that PostgreSQL takes for a name; "
                "shorten it in the mart's contract and model"
            )
    if decimal := _DECIMAL.fullmatch(type_):
        return f"numeric({decimal[1]},{decimal[2]})"
    if type_ not in _TYPES:
        raise ExportError(
            f"{table}.{column} is {type_}, which is not known how to export; use one of {', '.join(_TYPES)} or "
            "DECIMAL(p,s) in the mart's contract"
        )
    return _TYPES[type_]
