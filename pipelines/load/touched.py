"""Which business dates a load has touched: those whose held rows can be others than before.

Of a key in more than one partition the newest partition's row holds (see `keys`), so a load also touches the
dates of rows in partitions that it leaves alone: taking a newer row away lets an older one, of another date,
hold again. Only contested keys can do that, and usually there are none to look for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.warehouse.connection import scalar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pipelines.load.state import PartitionLoad


def remember_held_before(load: PartitionLoad) -> None:
    """Before the partitions are cleared: note their rows' dates and contested keys in temporary tables."""
    key = _key(load)
    load.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_dates AS "
        f"SELECT DISTINCT business_date FROM {load.table} WHERE {load.here}"
    )
    load.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE shared_keys AS SELECT {key} FROM {load.table} LIMIT 0"
    )
    _note_shared_keys(load, load.here)


def note_touched_dates(load: PartitionLoad) -> None:
    """After the partitions are loaded and contested keys noted: write the dates touched to `ops.touched`.

    On the way it drops contested keys that now stand in one partition only.
    """
    connection, table = load.connection, load.table
    connection.execute(
        f"INSERT INTO touched_dates SELECT DISTINCT business_date FROM {table} WHERE {load.loaded_here}"
    )
    _note_shared_keys(load, load.loaded_here)
    if scalar(connection, "SELECT count(*) FROM shared_keys"):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE shared_rows AS "
            f"SELECT {_key(load)}, partition_date, business_date FROM {table} "
            f"SEMI JOIN shared_keys USING ({_key(load)})"
        )
        connection.execute("INSERT INTO touched_dates SELECT DISTINCT business_date FROM shared_rows")
        _drop_settled_keys(load)
        connection.execute("DROP TABLE shared_rows")
    dates = connection.execute("SELECT DISTINCT business_date FROM touched_dates").fetchall()
    note_dates(load, [day for (day,) in dates])
    connection.execute("DROP TABLE shared_keys")
    connection.execute("DROP TABLE touched_dates")


def note_dates(load: PartitionLoad, dates: Iterable[date | None]) -> None:
    """Add the business dates to `ops.touched`."""
    load.connection.execute(
        "INSERT INTO ops.touched (SELECT ?, unnest(?::DATE[])) EXCEPT SELECT dataset, business_date FROM ops.touched",
        [load.name, list(dates)],
    )


def _key(load: PartitionLoad) -> str:
    return ", ".join(map(ident, load.contract.key))


def _note_shared_keys(load: PartitionLoad, where: str) -> None:
    """Add the contested ones among the keys of these rows; without any contested key no row is looked at."""
    contested = f"raw.{ident(load.name + '__contested')}"
    if not scalar(load.connection, f"SELECT count(*) FROM (SELECT 1 FROM {contested} LIMIT 1)"):
        return
    load.connection.execute(
        f"INSERT INTO shared_keys SELECT DISTINCT {_key(load)} FROM {load.table} "
        f"SEMI JOIN {contested} USING ({_key(load)}) WHERE {where}"
    )


def _drop_settled_keys(load: PartitionLoad) -> None:
    key = _key(load)
    load.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE settled AS SELECT DISTINCT {key} FROM shared_keys ANTI JOIN ("
        f"SELECT {key} FROM shared_rows GROUP BY ALL HAVING count(DISTINCT partition_date) > 1) USING ({key})"
    )
    if scalar(load.connection, "SELECT count(*) FROM settled"):
        same = " AND ".join(f"c.{ident(k)} = s.{ident(k)}" for k in load.contract.key)
        load.connection.execute(
            f"DELETE FROM raw.{ident(load.name + '__contested')} AS c USING settled AS s WHERE {same}"
        )
    load.connection.execute("DROP TABLE settled")
