"""Does `raw` hold what the file ledger says was loaded, no row less and none more?

Mainstay writes both in one transaction, so they differ only where somebody else wrote to the warehouse, or a copy of it
was put together from two. Rows that are gone would look like a quieter day, so nothing is built on such a warehouse.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelines.contracts import known_contracts
from pipelines.errors import ValidationFailedError
from pipelines.quoting import ident
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from pipelines.settings import Settings

_SHOWN = 3


@dataclass(frozen=True)
class Mismatch:
    """A landing file's rows in `raw` and in the ledger, or the sum of a controlled column over them.

    `path` is None where the ledger knows no such file.
    """

    dataset: str
    partition_date: date
    path: str | None
    in_ledger: int | Decimal
    in_raw: int | Decimal
    column: str | None = None

    def __str__(self) -> str:
        """The two counts in words."""
        file = self.path or f"no file of the ledger, at {self.partition_date}"
        what = (
            f"{self.in_raw:,} rows" if self.column is None else f"a sum of {self.column} of {self.in_raw:,}"
        )
        return f"raw.{self.dataset} has {what} of {file} where the ledger says {self.in_ledger:,}"


def mismatches(connection: duckdb.DuckDBPyConnection, settings: Settings) -> tuple[list[Mismatch], int]:
    """The files whose rows in `raw` are not as many as were loaded, and how many rows were looked at."""
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'raw' AND table_catalog = current_database()"
        ).fetchall()
    }
    found, rows = [], 0
    for name in known_contracts(settings):
        in_raw = (
            f"SELECT file_id, partition_date, count(*) AS in_raw FROM raw.{ident(name)} GROUP BY ALL"
            if name in tables
            else "SELECT NULL AS file_id, NULL::DATE AS partition_date, 0 AS in_raw LIMIT 0"
        )
        for day, path, said, counted in connection.execute(
            "SELECT partition_date, path, coalesce(loaded, 0), coalesce(in_raw, 0) FROM "
            "(SELECT file_id, partition_date, path, loaded FROM ops.files WHERE dataset = ? AND status = 'loaded') "
            f"FULL JOIN ({in_raw}) USING (file_id, partition_date) ORDER BY partition_date, path",
            [name],
        ).fetchall():
            rows += counted
            if said != counted:
                shown = None if path is None else str(settings.landing / path)
                found.append(Mismatch(name, day, shown, said, counted))
        found += _sums(connection, settings, name) if name in tables else []
    return found, rows


def _sums(connection: duckdb.DuckDBPyConnection, settings: Settings, name: str) -> list[Mismatch]:
    """Files that landed with control totals whose sums are others than when they were loaded."""
    found = []
    noted = connection.execute(
        "SELECT DISTINCT column_name FROM ops.controls WHERE dataset = ? ORDER BY ALL", [name]
    ).fetchall()
    for (column,) in noted:
        for day, path, loaded, total in connection.execute(
            "SELECT f.partition_date, f.path, c.loaded, coalesce(r.total, 0) FROM ops.controls AS c "
            "INNER JOIN ops.files AS f ON f.file_id = c.file_id AND f.dataset = c.dataset AND f.status = 'loaded' "
            f"LEFT JOIN (SELECT file_id, sum({ident(column)}) AS total FROM raw.{ident(name)} GROUP BY file_id) AS r "
            "ON r.file_id = c.file_id WHERE c.dataset = ? AND c.column_name = ? ORDER BY ALL",
            [name, column],
        ).fetchall():
            if Decimal(loaded) != Decimal(total):
                shown = str(settings.landing / path)
                found.append(Mismatch(name, day, shown, Decimal(loaded), Decimal(total), column))
    return found


def told(found: list[Mismatch]) -> str:
    """What is wrong, and the way out, in sentences."""
    more = f"; and {len(found) - _SHOWN} more files" if len(found) > _SHOWN else ""
    days = sorted({mismatch.partition_date for mismatch in found})
    span = f"{days[0]}" if len(days) == 1 else f"{days[0]} {days[-1]}"
    return (
        f"{'; '.join(map(str, found[:_SHOWN]))}{more}. Somebody else wrote to the warehouse. Load these dates again from "
        f"their landing files with `mainstay backfill {span}`, or everything with `mainstay rebuild`; where the "
        "files are archived, bring them back first"
    )


def require_reconciled(settings: Settings) -> None:
    """Make sure that no loaded row is gone from `raw`, and none came in beside the loader.

    Raises:
        ValidationFailedError: they differ; the text names files, counts and the way out.
    """
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        found, _ = mismatches(connection, settings)
    if found:
        raise ValidationFailedError(f"raw and the ledger differ, and nothing is built on it: {told(found)}")
