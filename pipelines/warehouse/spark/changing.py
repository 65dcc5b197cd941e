"""Change loaded rows in the lake: files stay as they are, so partitions whose rows have changed are written anew."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.quoting import ident, literal
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.keeper import LakeKeeper, write_rows
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import PARTITION, Entry
from pipelines.warehouse.spark.types import spark_type

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Table


@contextmanager
def changing(
    connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, where: str
) -> Iterator[str]:
    """See `Engine.changing`: a copy of the partitions in question is changed, and what differs afterwards takes their place.

    The old folders are removed by `Engine.tidy`, once the transaction has come to its end.
    """
    lake, attempt = Lake.of(settings), secrets.token_hex(6)
    view, copy = ".".join(map(ident, table)), ident(f"changing {'.'.join(table)}")
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
        "AND database_name = current_database() ORDER BY column_index",
        list(table),
    ).fetchall()
    is_partitioned = any(name == PARTITION for name, _ in columns)
    wanted = f"WHERE {_one_of(connection, view, where)}" if is_partitioned else ""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {copy} AS FROM {view} {wanted}")
    try:
        before = _fingerprints(connection, copy, is_partitioned=is_partitioned)
        yield f"temp.{copy}"
        after = _fingerprints(connection, copy, is_partitioned=is_partitioned)
        changed = [day for day in {**before, **after} if before.get(day) != after.get(day)]
        if not changed:
            return
        own = [[name, type_, spark_type(type_)] for name, type_ in columns if name != PARTITION]
        if is_partitioned:
            manifest.drop(connection, table, changed)
            rows = f"(FROM temp.{copy} WHERE {PARTITION} IN ({_dates(changed)}))"
            kept = LakeKeeper(lake).keep(connection, table, attempt, rows)
            new = [Entry(*table, of.path, of.partition_date, own, PARTITION) for of in kept]
        else:
            manifest.drop(connection, table)
            new = [Entry(*table, "/".join((*table, attempt)), None, own)] if after else []
            for entry in new:
                write_rows(connection, f"SELECT * FROM temp.{copy}", lake, entry.path)
        manifest.add(connection, new)
        manifest.show(connection, settings, lake, table, columns)
    finally:
        with suppress(duckdb.Error):  # the transaction has been aborted, and takes the copy with it
            connection.execute(f"DROP TABLE IF EXISTS temp.{copy}")


def _one_of(connection: duckdb.DuckDBPyConnection, view: str, where: str) -> str:
    """SQL of all rows of the partitions that have such a row; by their dates, so that no other file is opened."""
    days = connection.execute(f"SELECT DISTINCT {PARTITION} FROM {view} WHERE {where}").fetchall()
    return f"{PARTITION} IN ({_dates([day for (day,) in days])})" if days else "false"


def _dates(days: Sequence[date]) -> str:
    return ", ".join(f"DATE {literal(str(day))}" for day in days)


def _fingerprints(
    connection: duckdb.DuckDBPyConnection, copy: str, *, is_partitioned: bool
) -> dict[Any, tuple[int, int]]:
    """By partition, how many rows there are and what they hold, in whatever order."""
    day = PARTITION if is_partitioned else "NULL"
    rows = connection.execute(
        f"SELECT {day} AS day, count(*), sum(hash(r)) FROM temp.{copy} AS r GROUP BY day"
    ).fetchall()
    return {day: (count, total) for day, count, total in rows}
