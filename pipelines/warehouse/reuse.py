"""Keys that come again for something else.

A row whose key stands in an earlier partition replaces the earlier row: a correction. It is one only where both rows are
of the same customer and business date. Else the key may have been *reused*, as receipt numbers that start again each day
or with each till are, and to replace would lose a sale. So such rows are counted here, from the tables alone: what was
loaded in which order changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.quoting import ident

if TYPE_CHECKING:
    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings


def identity(contract: SourceContract) -> str | None:
    """SQL of what two rows of one key share if the later corrects the earlier; None for master data.

    Where the customer is not known the moment stands for it: two anonymous sales of one number are told apart by it.
    """
    if contract.business_time is None:
        return None
    if "customer_id" not in {c.name for c in contract.columns} - set(contract.key):
        return "{'day': business_date}"
    moment = f"CAST({ident(contract.business_time)} AS VARCHAR)"
    return f"{{'day': business_date, 'customer': coalesce(customer_id, {moment})}}"


def tolerated_rate(contract: SourceContract, settings: Settings) -> float:
    """Share of a landing date's rows that may be reused: the contract's, else the deployment's."""
    own = contract.tolerated_key_reuse_rate
    return settings.tolerated_key_reuse_rate if own is None else own


def reused_rows(contract: SourceContract, rows: str) -> str:
    """SELECT of the key and partition of rows whose key stands in the partition before for something else.

    Args:
        contract: the dataset's contract.
        rows: SQL relation of rows whose keys stand in several partitions, one row of a key in each.
    """
    key = ", ".join(map(ident, contract.key))
    shared = identity(contract)
    if shared is None:
        return f"SELECT {key}, partition_date FROM {rows} WHERE false"
    window = f"OVER (PARTITION BY {key} ORDER BY partition_date)"
    return (
        f"SELECT {key}, partition_date FROM (SELECT {key}, partition_date, {shared} AS shared, "
        f"lag({shared}) {window} AS before, row_number() {window} AS place FROM {rows}) "
        "WHERE place > 1 AND shared IS DISTINCT FROM before"
    )


def contested_rows(contract: SourceContract) -> str:
    """SQL relation of the raw rows whose keys stand in several partitions."""
    key = ", ".join(map(ident, contract.key))
    contested = f"raw.{ident(contract.name + '__contested')}"
    return f"(SELECT * FROM raw.{ident(contract.name)} SEMI JOIN {contested} USING ({key}))"


def reused_by_date(contract: SourceContract) -> str:
    """SELECT of landing date, reused rows and all keyed rows of each partition that has reused ones."""
    dataset = ident(contract.name)
    counted = (
        f"SELECT partition_date, count(*) AS reused FROM ("
        f"SELECT partition_date FROM ({reused_rows(contract, contested_rows(contract))}) "
        f"UNION ALL SELECT partition_date FROM duplicates.{dataset} WHERE kind = 'reused') GROUP BY partition_date"
    )
    return (
        f"SELECT r.partition_date, r.reused, "
        f"(SELECT count(*) FROM raw.{dataset} AS n WHERE n.partition_date = r.partition_date) "
        f"+ (SELECT count(*) FROM duplicates.{dataset} AS d WHERE d.partition_date = r.partition_date) AS keyed "
        f"FROM ({counted}) AS r"
    )


def count_reused(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> int:
    """Rows of a dataset, loaded or set aside as duplicates, whose key an earlier row has for something else."""
    row = connection.execute(f"SELECT coalesce(sum(reused), 0) FROM ({reused_by_date(contract)})").fetchone()
    return int(row[0]) if row else 0
