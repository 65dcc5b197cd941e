"""What tasks keep: the rows of a DuckDB table as Parquet in the lake, each partition in a folder of the attempt's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.quoting import ident, literal
from pipelines.warehouse.spark.manifest import PARTITION, ROWS
from pipelines.warehouse.spread import Kept

if TYPE_CHECKING:
    import duckdb

    from pipelines.warehouse.engine import Table
    from pipelines.warehouse.spark.lake import Lake

_BATCH_ROWS = 122_880
"""Rows of a row group, as DuckDB has them."""


@dataclass(frozen=True)
class LakeKeeper:
    """See `Keeper`."""

    lake: Lake

    def keep(
        self, connection: duckdb.DuckDBPyConnection, table: Table, attempt: str, rows: str | None = None
    ) -> list[Kept]:
        """See `Keeper`; rows keep their order.

        Args:
            connection: To the database that has the rows.
            table: The table that they are of.
            attempt: A name of this attempt's own.
            rows: SQL relation of the rows, where they are not in a table of that name.
        """
        rows = rows or ".".join(map(ident, table))
        days = connection.execute(f"SELECT DISTINCT {PARTITION} FROM {rows} ORDER BY ALL").fetchall()
        kept = []
        for (day,) in days:
            path = f"{'/'.join(table)}/{PARTITION}={day}/{attempt}"
            of_day = f"{PARTITION} = DATE {literal(str(day))}"
            select = f"SELECT * EXCLUDE ({PARTITION}) FROM {rows} WHERE {of_day}"
            write_rows(connection, select, self.lake, path)
            kept.append(Kept(table, day, path))
        return kept


def write_rows(connection: duckdb.DuckDBPyConnection, select: str, lake: Lake, path: str) -> None:
    """Write what a query gives as the one file of a folder of the lake, batch by batch."""
    from pyarrow.parquet import ParquetWriter

    batches = connection.execute(select).to_arrow_reader(_BATCH_ROWS)
    with (
        lake.writing(f"{path}/{ROWS}") as stream,
        ParquetWriter(stream, batches.schema, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
