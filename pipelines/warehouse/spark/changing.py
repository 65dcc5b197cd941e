"""Change loaded rows in the lake: files stay as they are, so partitions whose rows have changed are written anew."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import columns_of
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.keeper import write_rows
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
    columns = columns_of(connection, *table)
    like = _like(connection, table, columns)
    if like is None:  # a table of the file itself
        yield view
        return
    by = like.partitioned_by
    wanted = f"WHERE {_one_of(connection, view, by, where)}" if by else ""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {copy} AS FROM {view} {wanted}")
    try:
        before = _fingerprints(connection, copy, by)
        yield f"temp.{copy}"
        after = _fingerprints(connection, copy, by)
        changed = [day for day in {**before, **after} if before.get(day) != after.get(day)]
        if not changed:
            return
        manifest.drop(connection, table, changed if by else None)
        days = [day for day in changed if day in after]
        manifest.add(connection, _written(connection, lake, like, f"temp.{copy}", attempt, days))
        if by and table[0] not in manifest.LOADED and not manifest.entries(connection, table):
            manifest.add(
                connection,
                [manifest.nothing_of(lake, table, f"{'/'.join(table)}/{attempt}", like.columns, by)],
            )
        manifest.show(connection, settings, lake, table, columns)
        lake.sync()
    finally:
        with suppress(duckdb.Error):  # the transaction has been aborted, and takes the copy with it
            connection.execute(f"DROP TABLE IF EXISTS temp.{copy}")


def _like(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[tuple[str, str]]
) -> Entry | None:
    """What an entry of the table says but for its place: of a built one as it stands, of a loaded one as its view has it now."""
    if table[0] not in manifest.LOADED:
        return next(iter(manifest.entries(connection, table)), None)
    by = PARTITION if any(name == PARTITION for name, _ in columns) else None
    own = [[name, type_, spark_type(type_)] for name, type_ in columns if name != by]
    return Entry(*table, "", None, own, by)


def _written(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    like: Entry,
    rows: str,
    attempt: str,
    days: Sequence[date | None],
) -> list[Entry]:
    """The rows in new folders, as a load or a build would have laid them out."""
    found = []
    for day in days:
        where, partition = "", ""
        if like.partitioned_by:
            where = f"WHERE {ident(like.partitioned_by)} = DATE {literal(str(day))}"
            partition = f"{like.partitioned_by}={day}"
        # A build has its version above the partitions, so that all that it makes lies in one folder.
        order = (partition, attempt) if like.schema in manifest.LOADED else (attempt, partition)
        path = "/".join(part for part in (like.schema, like.table, *order) if part)
        entry = replace(like, path=path, partition_date=day)
        hidden = f"EXCLUDE ({ident(like.partitioned_by)})" if like.partitioned_by else ""
        write_rows(connection, f"SELECT * {hidden} FROM {rows} {where}", lake, path)
        found.append(entry)
    return found


def _one_of(connection: duckdb.DuckDBPyConnection, view: str, by: str, where: str) -> str:
    """SQL of all rows of the partitions that have such a row; by their dates, so that no other file is opened."""
    days = connection.execute(f"SELECT DISTINCT {ident(by)} FROM {view} WHERE {where}").fetchall()
    dates = ", ".join(f"DATE {literal(str(day))}" for (day,) in days)
    return f"{ident(by)} IN ({dates})" if days else "false"


def _fingerprints(
    connection: duckdb.DuckDBPyConnection, copy: str, by: str | None
) -> dict[Any, tuple[int, int]]:
    """By partition, how many rows there are and what they hold, in whatever order."""
    # Names that no column has: of a column its values alone would be taken.
    rows = connection.execute(
        f'SELECT {ident(by) if by else "NULL"} AS "the day", count(*), sum(hash("the row")) '
        f'FROM temp.{copy} AS "the row" GROUP BY "the day"'
    ).fetchall()
    return {day: (count, total) for day, count, total in rows}
