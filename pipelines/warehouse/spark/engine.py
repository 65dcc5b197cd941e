"""Spark, as the rest of Mainstay asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.warehouse.in_process import own_tables
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.aside import set_aside
from pipelines.warehouse.spark.building import building
from pipelines.warehouse.spark.changing import changing
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.store import address_of

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Building, Table
    from pipelines.warehouse.spread import Spread


class SparkEngine:
    """Rows in a lake, and work in tasks; the warehouse's file keeps the ledger, the fits, and views."""

    packages = ("dbt-core", "dbt-spark", "pyspark", "duckdb")
    kept_as = "VIEW"
    stages_tables = True
    dbt_target = "spark"

    def keep_tables(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        tables: Mapping[Table, Sequence[tuple[str, str]]],
    ) -> None:
        """See `Engine`."""
        for table, columns in tables.items():
            manifest.show(connection, settings, Lake.of(settings), table, columns)

    def retype(self, connection: duckdb.DuckDBPyConnection, table: Table, columns: Mapping[str, str]) -> None:
        """Nothing to do: files without rows have no types to keep, and `keep_tables` says which the view has."""

    def building(self, settings: Settings, reads: Sequence[Table]) -> AbstractContextManager[Building]:
        """See `Engine`."""
        return building(settings, reads)

    def let_go(self) -> None:
        """Nothing to do: the session is the process's, for its other steps too."""

    def spread(self, settings: Settings) -> Spread | None:
        """See `Engine`."""
        from pipelines.warehouse.spark.spread import SparkSpread

        return SparkSpread(settings)

    def changing(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, where: str = "true"
    ) -> AbstractContextManager[str]:
        """See `Engine`."""
        return changing(connection, settings, table, where)

    def tables(self, connection: duckdb.DuckDBPyConnection) -> set[Table]:
        """See `Engine`; every view is a table of the lake."""
        kinds = ("duckdb_tables", "duckdb_views")
        return {table for kind in kinds for table in connection.execute(own_tables(kind)).fetchall()}

    def drop(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """See `Engine`; `tidy` removes the files."""
        manifest.drop(connection, table)
        connection.execute(f"DROP VIEW {'.'.join(map(ident, table))}")

    def tidy(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        """See `Engine`."""
        lake = Lake.of(settings)
        manifest.write_copy(connection, lake)
        manifest.sweep(connection, lake)

    def places(self, settings: Settings) -> list[Path | str]:
        """See `Engine`."""
        return [address_of(settings) or Path(Lake.of(settings).root)]

    def claim(self, settings: Settings) -> None:
        """See `Engine`."""
        Lake.of(settings)

    def set_aside(self, settings: Settings, name: str) -> Path | None:
        """See `Engine`."""
        return set_aside(settings, name)

    def examine(self, settings: Settings) -> Iterator[tuple[str, str, str]]:
        """See `Engine`."""
        from pipelines.warehouse.spark.examine import examine

        return examine(settings)
