"""dbt on Spark: before it the catalogue is filled, after it the manifest and the warehouse's views have what it has made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from typing import TYPE_CHECKING

from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.engine import Building, require_own
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.catalogue import fill, lend, quoted
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import Entry
from pipelines.warehouse.spark.served import NO_OTHER, is_served
from pipelines.warehouse.spark.session import spark_session
from pipelines.warehouse.spark.types import duckdb_type

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Table


@contextmanager
def building(settings: Settings, reads: Sequence[Table]) -> Iterator[Building]:
    """Around one dbt command; the caller holds the warehouse's lock.

    All that it makes is written to folders of a new version, whole tables as well as single partitions, so that a killed
    command leaves the manifest, and all that reads by it, with the old ones.
    """
    version = secrets.token_hex(6)
    with closing(connect(settings)) as connection:
        require_own(connection, settings, "VIEW")
        lake = Lake.of(settings)
        manifest.require_there(connection, settings, lake)
        session = spark_session(settings)
        manifest.sweep(connection, lake)
        fill(session, connection, lake, version, is_shared=is_served(settings))
        lend(session, connection, lake, reads, f"{manifest.LENT}/{version}")
    environment = {"MAINSTAY_LAKE": lake.address(), "MAINSTAY_LAKE_VERSION": version}
    if is_served(settings):
        # dbt asks PySpark for the session that there is, and PySpark looks here for what kind it is.
        environment["SPARK_REMOTE"] = NO_OTHER
    try:
        yield Building(environment, lambda tables: _keep(settings, session, lake, version, tables))
    finally:
        lake.remove([f"{manifest.LENT}/{version}"])


def _keep(
    settings: Settings,
    session: SparkSession,
    lake: Lake,
    version: str,
    tables: Mapping[Table, Sequence[str]],
) -> None:
    with closing(connect(settings)) as connection:
        old: set[str] = set()
        new: set[str] = set()
        with transaction(connection):
            for table, order in tables.items():
                before = manifest.entries(connection, table)
                made, columns = _made(session, lake, version, table, before)
                old.update(manifest.drop(connection, table))
                new.update(entry.path for entry in made)
                manifest.add(connection, made)
                # Spark puts what a table is partitioned by at its end; a reader finds the columns as its model has them.
                place = {name: number for number, name in enumerate(order)}
                shown = sorted(columns, key=lambda column: place.get(column[0], len(place)))
                manifest.show(
                    connection, settings, lake, table, [(name, duckdbs) for name, duckdbs, _ in shown]
                )
            lake.sync()
        manifest.write_copy(connection, lake)
    lake.remove(sorted(old - new))


def _made(
    session: SparkSession, lake: Lake, version: str, table: Table, before: Sequence[Entry]
) -> tuple[list[Entry], list[list[str]]]:
    """A table as dbt has left it, and its columns: made anew, or of a partitioned one the stale partitions alone."""
    path, name = "/".join((*table, version)), ".".join(map(quoted, table))
    columns = [
        [column.name, duckdb_type(column.dataType), column.dataType.simpleString()]
        for column in session.table(name).schema.fields
    ]
    if session.catalog.getTable(name).tableType == "VIEW":
        # The next command fills the catalogue anew, and a view goes with it: what reads it later reads what it gives now.
        session.table(name).write.parquet(lake.address(path))
    by = [column.name for column in session.catalog.listColumns(name) if column.isPartition]
    if not by:
        lake.make(path)  # Spark leaves none of a table without rows, and what counts has to be there
        return [Entry(*table, path, None, columns)], columns
    anew = {folder.rpartition("/")[2] for folder in lake.below(path, 1)}
    stood = {entry.partition_date: entry.path for entry in before}
    found = []
    for row in session.sql(f"SHOW PARTITIONS {name}").collect():
        day = date.fromisoformat(row[0].partition("=")[2])
        here = f"{path}/{row[0]}" if row[0] in anew else stood[day]
        found.append(Entry(*table, here, day, columns, by[0]))
    if not found:
        found.append(manifest.nothing_of(lake, table, path, columns, by[0]))
    return found, columns
