"""DuckDB as the engine: all in this process and in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.warehouse.connection import columns_by_table, connect
from pipelines.warehouse.engine import Building, require_own

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Table
    from pipelines.warehouse.spread import Spread


def own_tables(kind: str) -> str:
    """SELECT of schema and name of the database's tables (`duckdb_tables`) or views (`duckdb_views`)."""
    name = kind.removeprefix("duckdb_").removesuffix("s")
    return (
        f"SELECT schema_name, {name}_name FROM {kind}() "
        "WHERE database_name = current_database() AND NOT internal AND NOT temporary"
    )


class DuckDBEngine:
    """All in this process and in one file."""

    packages = ("dbt-core", "dbt-duckdb", "duckdb")
    kept_as = "BASE TABLE"
    stages_tables = False
    dbt_target = "warehouse"

    def keep_tables(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        tables: Mapping[Table, Sequence[tuple[str, str]]],
    ) -> None:
        """See `Engine`."""
        have = columns_by_table(connection, {schema for schema, _ in tables})
        statements = []
        for table, columns in tables.items():
            name, there = ".".join(map(ident, table)), have.get(table)
            if there is None:
                statements.append(f"CREATE TABLE {name} ({', '.join(f'{ident(c)} {t}' for c, t in columns)})")
                continue
            lacking = [f"{ident(c)} {t}" for c, t in columns if c not in there]
            statements += [f"ALTER TABLE {name} ADD COLUMN {column}" for column in lacking]
        if statements:
            connection.execute("; ".join(statements))

    def retype(self, connection: duckdb.DuckDBPyConnection, table: Table, columns: Mapping[str, str]) -> None:
        """See `Engine`."""
        name = ".".join(map(ident, table))
        for column, type_ in columns.items():
            connection.execute(
                f"ALTER TABLE IF EXISTS {name} ALTER {ident(column)} TYPE {type_} USING CAST(NULL AS {type_})"
            )

    @contextmanager
    def building(self, settings: Settings, reads: Sequence[Table]) -> Iterator[Building]:
        """See `Engine`."""
        with closing(connect(settings)) as connection:
            require_own(connection, settings, self.kept_as)
        yield Building()

    def let_go(self) -> None:
        """dbt-duckdb keeps the warehouse open until it is told to let go."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()

    def spread(self, settings: Settings) -> Spread | None:
        """See `Engine`."""
        return None

    @contextmanager
    def changing(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, where: str = "true"
    ) -> Iterator[str]:
        """See `Engine`; the rows lie in the table itself."""
        yield ".".join(map(ident, table))

    def tables(self, connection: duckdb.DuckDBPyConnection) -> set[Table]:
        """See `Engine`."""
        return set(connection.execute(own_tables("duckdb_tables")).fetchall())

    def drop(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """See `Engine`."""
        connection.execute(f"DROP TABLE {'.'.join(map(ident, table))}")

    def tidy(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        """Nothing to do: DuckDB does so itself."""

    def places(self, settings: Settings) -> list[Path | str]:
        """See `Engine`."""
        return []

    def claim(self, settings: Settings) -> None:
        """Nothing to do: all rows lie in the file."""

    def set_aside(self, settings: Settings, name: str) -> Path | None:
        """See `Engine`."""
        return None

    def examine(self, settings: Settings) -> Iterator[tuple[str, str, str]]:
        """See `Engine`."""
        yield from ()
