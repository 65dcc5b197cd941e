"""dbt on Spark: before it the catalogue is filled, after it the manifest and the warehouse's views have what it has made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
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

    Whole tables, and partitions that are made anew, are written to folders of a new version, so that a killed command leaves
    the manifest, and all that reads by it, with the old ones.
    """
    session, lake = spark_session(settings), Lake.of(settings)
    version = secrets.token_hex(6)
    with closing(connect(settings)) as connection:
        manifest.sweep(connection, lake)
        fill(session, connection, lake, version)
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
        old: list[str] = []
        with transaction(connection):
            for table in tables:
                made = _made(session, lake, version, table, manifest.entries(connection, table))
                counts = [entry.path for entry in made]
                # Of an older version only the partitions go that are not used any more.
                old += [
                    path
                    for path in manifest.drop(connection, table)
                    if not any(each == path or each.startswith(f"{path}/") for each in counts)
                ]
                manifest.add(connection, made)
                columns = [(name, duckdbs) for name, duckdbs, _ in made[0].columns]
                manifest.show(connection, settings, lake, table, columns)
        manifest.write_copy(connection, lake)
    lake.remove(old)


def _made(
    session: SparkSession, lake: Lake, version: str, table: Table, before: Sequence[Entry]
) -> list[Entry]:
    """A table as dbt has left it: its folder, and one entry more for each partition, wherever that was last made."""
    path = "/".join((*table, version))
    name = ".".join(map(quoted, table))
    by = [column.name for column in session.catalog.listColumns(name) if column.isPartition]
    columns = [
        [column.name, duckdb_type(column.dataType), column.dataType.simpleString()]
        for column in session.table(name).schema.fields
    ]
    made = [Entry(*table, path, None, columns, by)]
    if by:
        places = {entry.path.rpartition("/")[2]: entry.path for entry in before if entry.partition_date}
        places |= {folder.rpartition("/")[2]: folder for folder in lake.below(path, 1)}
        for (partition,) in session.sql(f"SHOW PARTITIONS {name}").collect():
            day = date.fromisoformat(partition.partition("=")[2])
            made.append(Entry(*table, places[partition], day, columns, by))
    return made
