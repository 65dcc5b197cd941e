"""Keys that come twice.

Within a partition the last row of a key holds: the last line of the last file (see `LandingFile.place`), as a later
line of an export corrects an earlier one. The others are set aside in `duplicates.<dataset>`, as `exact` when every
column is the same, as `reused` when customer or business date differ (see `pipelines.warehouse.reuse`), else as
`key`. Between partitions the later partition's row holds; the keys concerned are noted in
`raw.<dataset>__contested`, so that staging has only those to rank. Too many reused keys stop the load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import LoadError
from pipelines.quoting import ident, literal
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import scalar
from pipelines.warehouse.reuse import contested_rows, identity, reused_by_date, reused_rows, tolerated_rate

if TYPE_CHECKING:
    from datetime import date

    from pipelines.contracts import SourceContract
    from pipelines.load.state import PartitionLoad


def find_repeated_keys(load: PartitionLoad) -> None:
    """Fill the temporary table `repeated` with the touched partitions' keys that come more than once: usually none.

    This is the one look at every key; what comes after has only the repeated ones to sort out.
    """
    key = ", ".join(map(ident, load.contract.key))
    load.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {key} FROM {load.table} WHERE {load.loaded_here} "
        "GROUP BY ALL HAVING count(*) > 1"
    )


def set_duplicates_aside(load: PartitionLoad) -> None:
    """Move all but the holding row of each key of the touched partitions to `duplicates`."""
    connection, table = load.connection, load.table
    key = ", ".join(map(ident, load.contract.key))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT partition_date, {key} FROM {table} "
        f"SEMI JOIN repeated USING ({key}) WHERE {load.loaded_here} GROUP BY ALL HAVING count(*) > 1"
    )
    if scalar(connection, "SELECT count(*) FROM twice"):
        matched = " AND ".join(f"t.{ident(k)} = r.{ident(k)}" for k in ("partition_date", *load.contract.key))
        values = [c for c in load.columns if c not in ('"file_id"',)]
        connection.execute(
            f'CREATE OR REPLACE TEMP TABLE ranked AS SELECT r.rowid AS "row id", l.path AS "file path", r.*, '
            f'{identity(load.contract) or "NULL"} AS "its identity", '
            f"row_number() OVER (PARTITION BY r.partition_date, {', '.join('r.' + ident(k) for k in load.contract.key)} "
            f'ORDER BY l.ordinal DESC, r.rowid DESC) AS "its place" FROM {table} AS r JOIN twice AS t ON {matched} '
            "JOIN landed AS l USING (file_id)"
        )
        held = " AND ".join(f"h.{ident(k)} = d.{ident(k)}" for k in ("partition_date", *load.contract.key))
        same = " AND ".join(f"h.{c} IS NOT DISTINCT FROM d.{c}" for c in values)
        shown = ", ".join(f"{literal(c.strip(chr(34)))}: d.{c}" for c in values)
        connection.execute(
            f"INSERT INTO duplicates.{ident(load.name)} "
            f'SELECT ?, ?, d.partition_date, d.file_id, d."file path", NULL, CAST(to_json({{{shown}}}) AS VARCHAR), '
            f"CASE WHEN {same} THEN 'exact' "
            "WHEN h.\"its identity\" IS DISTINCT FROM d.\"its identity\" THEN 'reused' ELSE 'key' END, ? "
            f'FROM ranked AS d JOIN ranked AS h ON h."its place" = 1 AND {held} '
            'WHERE d."its place" > 1',
            [load.run_id, load.name, ledger.now()],
        )
        connection.execute(
            f'DELETE FROM {table} WHERE rowid IN (SELECT "row id" FROM ranked WHERE "its place" > 1)'
        )
        connection.execute("DROP TABLE ranked")
    connection.execute("DROP TABLE twice")


def note_contested_keys(load: PartitionLoad) -> None:
    """Note the keys of the touched partitions that stand in another partition too."""
    connection, table = load.connection, load.table
    contested = f"raw.{ident(load.name + '__contested')}"
    keys = [ident(k) for k in load.contract.key]
    key = ", ".join(keys)
    others = load.loaded_here == load.here and scalar(
        connection, f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE NOT ({load.here}) LIMIT 1)"
    )
    touched = scalar(connection, "SELECT count(*) FROM touched_partitions")
    parts = []
    if touched > 1:
        parts.append(
            f"SELECT {key} FROM {table} SEMI JOIN repeated USING ({key}) "
            f"WHERE {load.loaded_here} GROUP BY ALL HAVING count(*) > 1"
        )
    if others:
        matched = " AND ".join(f"n.{k} = o.{k}" for k in keys)
        parts.append(
            f"SELECT DISTINCT {', '.join('n.' + k for k in keys)} FROM {table} AS n "
            f"WHERE n.{load.here} "
            f"AND EXISTS (SELECT 1 FROM {table} AS o WHERE {matched} AND o.partition_date <> n.partition_date)"
        )
    for part in parts:
        connection.execute(f"INSERT INTO {contested} ({key}) ({part}) EXCEPT SELECT {key} FROM {contested}")


def count_reused_keys(load: PartitionLoad) -> None:
    """Count the reused keys of the touched partitions, once contested keys are noted.

    Raises:
        LoadError: a partition has more of them than the contract tolerates; the keys do not tell rows apart.
    """
    connection, key = load.connection, ", ".join(map(ident, load.contract.key))
    if not few_are_reused(load, reused_by_date(load.contract)):
        return
    # A partition loaded late is the earlier one to rows that stand already.
    load.reused = scalar(
        connection,
        f"SELECT count(*) FROM ({reused_rows(load.contract, contested_rows(load.contract))}) "
        f"WHERE ({key}) IN (SELECT ({key}) FROM {load.table} WHERE {load.here})",
    ) + duplicates_reused(load)


def few_are_reused(load: PartitionLoad, by_date: str) -> bool:
    """Whether there are reused keys, few enough to go on.

    Args:
        load: What is loaded.
        by_date: See `reused_by_date`.

    Raises:
        LoadError: a partition has more of them than the contract tolerates; the keys do not tell rows apart.
    """
    rate = tolerated_rate(load.contract, load.settings)
    found = load.connection.execute(f"SELECT * FROM ({by_date}) ORDER BY partition_date").fetchall()
    failed = [(day, reused, keyed) for day, reused, keyed in found if reused > keyed * rate]
    if failed:
        raise LoadError(too_many_reused(load.contract, rate, failed))
    return bool(found)


def duplicates_reused(load: PartitionLoad) -> int:
    """Rows of the touched partitions that were set aside within them, as their keys stand for something else."""
    return scalar(
        load.connection,
        f"SELECT count(*) FROM duplicates.{ident(load.name)} WHERE {load.here} AND kind = 'reused'",
    )


def too_many_reused(contract: SourceContract, rate: float, failed: list[tuple[date, int, int]]) -> str:
    """The sentence that stops a load whose keys do not tell rows apart.

    Args:
        contract: the dataset's contract.
        rate: the tolerated share.
        failed: landing date, reused rows and all keyed rows of each partition that has too many.
    """
    day, reused, keyed = failed[0]
    more = f", and so it is on {len(failed) - 1} more dates" if len(failed) > 1 else ""
    first, *rest = contract.key
    beside = f" with {', '.join(rest)}" if rest else ""
    return (
        f"{contract.name} {day}: {reused:,} of {keyed:,} rows have the {first}{beside} of an earlier row of another customer or "
        f"business date, {reused / keyed:.2%} where {rate:.2%} is tolerated{more}. "
        f"Numbers that start again, each day or at each till, do not tell rows apart: each would replace the one before. "
        f"Widen the key in {contract.path}: read the number into a column of your own, say receipt_number, and give "
        f"{first} the transformLogic \"strftime(business_date, '%Y%m%d') || '-' || store_id || '-' || receipt_number\", "
        f"of what tells them apart. If they are corrections, raise toleratedKeyReuseRate. Nothing of this load was taken over"
    )
