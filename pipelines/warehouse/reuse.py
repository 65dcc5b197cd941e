"""Keys that come again for something else.

A row whose key stands in an earlier partition replaces the earlier row: a correction. It is one only where both rows are
of the same customer and business date. Else the key may have been *reused*, as receipt numbers that start again each day
or with each till are, and to replace would lose a sale. So such rows are counted here, from the tables alone: what was
loaded in which order changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings


def identity_parts(contract: SourceContract, quoted: Callable[[str], str] = ident) -> dict[str, str] | None:
    """SQL, by name, of what two rows of one key share if the later corrects the earlier; None for master data.

    Where the customer is not known the moment stands for it: two anonymous sales of one number are told apart by it.

    Args:
        contract: The dataset's contract.
        quoted: How the SQL is to quote names; for the rest it is any engine's.
    """
    if contract.business_time is None:
        return None
    day = {"day": quoted("business_date")}
    if "customer_id" not in {c.name for c in contract.columns} - set(contract.key):
        return day
    moment = f"CAST({quoted(contract.business_time)} AS STRING)"
    return {**day, "customer": f"coalesce({quoted('customer_id')}, {moment})"}


def identity(contract: SourceContract) -> str | None:
    """The same as one value."""
    parts = identity_parts(contract)
    return None if parts is None else f"{{{', '.join(f'{literal(n)}: {sql}' for n, sql in parts.items())}}}"


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
        f'SELECT {key}, partition_date FROM (SELECT {key}, partition_date, {shared} AS "its own", '
        f'lag({shared}) {window} AS "the one before", row_number() {window} AS "its place" FROM {rows}) '
        'WHERE "its place" > 1 AND "its own" IS DISTINCT FROM "the one before"'
    )


def contested_rows(contract: SourceContract) -> str:
    """SQL relation of the raw rows whose keys stand in several partitions."""
    key = ", ".join(map(ident, contract.key))
    contested = f"raw.{ident(contract.name + '__contested')}"
    return f"(SELECT * FROM raw.{ident(contract.name)} SEMI JOIN {contested} USING ({key}))"


def reused_by_date(contract: SourceContract, of_raw: str | None = None) -> str:
    """SELECT of landing date, reused rows and all keyed rows of each partition that has reused ones.

    Args:
        contract: the dataset's contract.
        of_raw: SELECT of landing date and reused rows in `raw`, where they have been counted already.
    """
    dataset = ident(contract.name)
    of_raw = of_raw or (
        f"SELECT partition_date, count(*) AS reused FROM ({reused_rows(contract, contested_rows(contract))}) "
        "GROUP BY partition_date"
    )
    counted = (
        f"SELECT partition_date, CAST(sum(reused) AS BIGINT) AS reused FROM ({of_raw} "
        f"UNION ALL SELECT partition_date, count(*) FROM duplicates.{dataset} WHERE kind = 'reused' GROUP BY partition_date) "
        "GROUP BY partition_date"
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
