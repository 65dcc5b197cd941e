"""Keys that stand in several partitions, found in Spark: the one question of a load that no task can answer for itself.

What DuckDB does row by row within its one file (see `pipelines.load.keys` and `touched`) is said here of whole sets:

- *affected* are the keys of the partitions' rows, as they were and as they will be;
- *beside* are the rows that other partitions have of them: the business dates of these are touched;
- *shared* are the affected keys that will stand in several partitions; with those that were contested and are not
  affected they are the contested ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.warehouse.reuse import identity_parts
from pipelines.warehouse.spark.catalogue import make_anew, quoted, register, register_partitions
from pipelines.warehouse.spark.manifest import PARTITION, Entry
from pipelines.warehouse.spark.types import spark_type
from pipelines.warehouse.spread import Across

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from pipelines.contracts import SourceContract
    from pipelines.warehouse.engine import Columns
    from pipelines.warehouse.spark.lake import Lake

_DATABASE = "loading"


@dataclass(frozen=True)
class Sides:
    """A dataset's partitions at a load."""

    before: Sequence[Entry]
    """Those that are taken over or emptied, as they were."""
    new: Sequence[Entry]
    """The same as they will be."""
    others: Sequence[Entry]
    contested: Entry | None
    """The keys that stood in several partitions."""

    @property
    def plain(self) -> Across | None:
        """What can be said without a look at any key; None where they have to be looked at."""
        if not self.others and len(self.new) <= 1:
            return Across(None)  # with one partition no key stands twice
        if not self.before and not self.new:
            return Across(self.contested.path if self.contested else None)
        return None


def compare_keys(
    session: SparkSession,
    lake: Lake,
    contract: SourceContract,
    columns: Columns,
    sides: Sides,
    *,
    is_shared: bool,
) -> Across:
    """See `Spread.compare`; `is_shared`: see `make_anew`."""
    make_anew(session, lake, [_DATABASE], is_shared=is_shared)
    try:
        _register(session, lake, contract, columns, sides)
        return _compare(session, lake, contract, sides)
    finally:
        # Its tables are external, their files stay.
        session.sql(f"DROP DATABASE IF EXISTS {_DATABASE} CASCADE")


def _register(
    session: SparkSession, lake: Lake, contract: SourceContract, columns: Columns, sides: Sides
) -> None:
    """Tables `before`, `new`, `others` and `contested`, with no more columns than are asked for."""
    asked = {*contract.key, "business_date", "customer_id", contract.business_time}
    own = [[name, type_, spark_type(type_)] for name, type_ in columns if name in asked and name != PARTITION]
    keys = [[name, type_, sparks] for name, type_, sparks in own if name in contract.key]
    for name in ("before", "new", "others"):
        path = f"raw/{contract.name}"
        table = Entry(_DATABASE, name, path, None, [*own, [PARTITION, "DATE", "date"]], PARTITION)
        register(session, lake, table)
        register_partitions(session, lake, (_DATABASE, name), getattr(sides, name))
    nothing = f"raw/{contract.name}__contested/none"
    path = sides.contested.path if sides.contested else nothing
    register(session, lake, Entry(_DATABASE, "contested", path, None, keys))


def _compare(session: SparkSession, lake: Lake, contract: SourceContract, sides: Sides) -> Across:
    keys = ", ".join(map(quoted, contract.key))
    known = " AND ".join(f"{quoted(k)} IS NOT NULL" for k in contract.key)
    affected = (
        f"(SELECT {keys} FROM {_DATABASE}.before WHERE {known} "
        f"UNION SELECT {keys} FROM {_DATABASE}.new WHERE {known})"
    )
    beside = session.sql(
        f"SELECT {keys}, {PARTITION}, business_date FROM {_DATABASE}.others "
        f"LEFT SEMI JOIN {affected} USING ({keys})"
    ).persist()
    try:
        dates: set[date | None] = set()
        came = f"SELECT {keys}, {PARTITION} FROM {_DATABASE}.new WHERE {known}"
        if sides.others:
            dates = {row[0] for row in beside.select("business_date").distinct().collect()}
            if not dates and len(sides.new) <= 1 and sides.contested is None:
                return Across(None)
            came = f"SELECT {keys}, {PARTITION} FROM {{beside}} UNION ALL {came}"
        shared = f"SELECT {keys} FROM ({came}) GROUP BY {keys} HAVING min({PARTITION}) <> max({PARTITION})"
        if sides.contested is not None:
            unaffected = f"{_DATABASE}.contested LEFT ANTI JOIN {affected} USING ({keys})"
            shared = f"{shared} UNION ALL SELECT {keys} FROM {unaffected}"
        path = f"raw/{contract.name}__contested/{secrets.token_hex(6)}"
        if not _written(session.sql(shared, beside=beside), lake.address(path)):
            return Across(None, dates)
    finally:
        beside.unpersist()
    reused = _reused(session, contract, f"parquet.{quoted(lake.address(path))}")
    of_all = {day: rows for day, rows, _ in reused}
    return Across(path, dates, of_all, sum(of_new for *_, of_new in reused))


def _written(keys: DataFrame, address: str) -> int:
    """How many there are, counted while they are written."""
    from pyspark.sql import Observation
    from pyspark.sql.functions import count, lit

    seen = Observation()
    keys.observe(seen, count(lit(1)).alias("keys")).write.parquet(address)
    return int(seen.get["keys"])


def _reused(session: SparkSession, contract: SourceContract, contested: str) -> list[tuple[date, int, int]]:
    """Partition, its reused rows (see `pipelines.warehouse.reuse`), and those of them whose key the load has brought."""
    parts = identity_parts(contract, quoted)
    if parts is None:
        return []
    keys = ", ".join(map(quoted, contract.key))
    # With blanks, as no column of a contract is called.
    names = ", ".join(quoted(f"its {name}") for name in parts)
    values = ", ".join(f"{sql} AS {quoted(f'its {name}')}" for name, sql in parts.items())
    every = f"(SELECT {keys}, {PARTITION}, {values} FROM {_DATABASE}.{{}} LEFT SEMI JOIN {contested} USING ({keys}))"
    relation = f"{every.format('others')} UNION ALL {every.format('new')}"
    window = f"OVER (PARTITION BY {keys} ORDER BY {PARTITION})"
    return [
        (day, int(rows), int(of_new))
        for day, rows, of_new in session.sql(
            f"SELECT {PARTITION}, count(*), count(`is new`) FROM ("
            f"SELECT {keys}, {PARTITION}, struct({names}) AS `its own`, lag(struct({names})) {window} AS `the one before`, "
            f"row_number() {window} AS `its place` FROM ({relation})) "
            f"LEFT JOIN (SELECT DISTINCT {keys}, true AS `is new` FROM {_DATABASE}.new) USING ({keys}) "
            f"WHERE `its place` > 1 AND NOT (`its own` <=> `the one before`) GROUP BY {PARTITION}"
        ).collect()
    ]
