"""dbt on Spark: before it the catalogue is filled, after it the manifest and the warehouse's views have what it has made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.engine import Building
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.catalogue import fill, lend, quoted
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import Entry
from pipelines.warehouse.spark.session import spark_session
from pipelines.warehouse.spark.types import duckdb_type

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Table

_LENT = "lent"


@contextmanager
def building(settings: Settings, reads: Sequence[Table]) -> Iterator[Building]:
    """Around one dbt command; the caller holds the warehouse's lock.

    Whole tables are written to folders of a new version, so that a killed command leaves the manifest, and all that reads
    by it, with the old ones. Tables of which single partitions are made anew change where they lie: after a kill the ledger
    says so, as it does with DuckDB, and the next build makes all anew.
    """
    session, lake = spark_session(settings), Lake.of(settings)
    version = secrets.token_hex(6)
    with closing(connect(settings)) as connection:
        manifest.sweep(connection, lake)
        fill(session, connection, lake)
        lend(session, connection, lake, reads, f"{_LENT}/{version}")
    environment = {"MAINSTAY_LAKE": lake.address(), "MAINSTAY_LAKE_VERSION": version}
    try:
        yield Building(environment, lambda tables: _keep(settings, session, lake, version, tables))
    finally:
        lake.remove([f"{_LENT}/{version}"])


def _keep(
    settings: Settings, session: SparkSession, lake: Lake, version: str, tables: Sequence[Table]
) -> None:
    with closing(connect(settings)) as connection:
        before = {(e.schema, e.table): e for e in manifest.entries(connection) if e.partition_date is None}
        old: list[str] = []
        with transaction(connection):
            for table in tables:
                entry = _made(session, lake, version, table, before.get(table))
                old += [path for path in manifest.drop(connection, table) if path != entry.path]
                manifest.add(connection, [entry])
                columns = [(name, duckdbs) for name, duckdbs, _ in entry.columns]
                manifest.show(connection, settings, lake, table, columns)
        manifest.write_copy(connection, lake)
    lake.remove(old)


def _lies_in(session: SparkSession, name: str, version: str) -> bool:
    rows = session.sql(f"DESCRIBE TABLE EXTENDED {name}").where("col_name = 'Location'").collect()
    return any(row["data_type"].endswith(f"/{version}") for row in rows)


def _made(session: SparkSession, lake: Lake, version: str, table: Table, before: Entry | None) -> Entry:
    """A table as dbt has left it: in a new folder, or with single partitions made anew in the old one."""
    path = "/".join((*table, version))
    name = ".".join(map(quoted, table))
    if before is not None and before.partitioned_by and not _lies_in(session, name, version):
        return before
    by = [column.name for column in session.catalog.listColumns(name) if column.isPartition]
    columns = [
        [column.name, duckdb_type(column.dataType), column.dataType.simpleString()]
        for column in session.table(name).schema.fields
    ]
    return Entry(*table, path, None, columns, by)
