"""Files and partitions: what was loaded from which file, what is not validated yet, which dates a load has touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.warehouse.connection import insert_rows
from pipelines.warehouse.ledger.tables import DDL, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract


@dataclass(frozen=True)
class FileEntry:
    """One row of the file ledger."""

    file_id: str
    run_id: str
    dataset: str
    partition_date: date
    path: str
    size_bytes: int
    sha256: str
    contract_hash: str
    rows_in: int | None
    loaded: int | None
    quarantined: int | None
    duplicates: int | None
    status: str
    message: str | None = None
    rejected: int | None = None
    ignored: int | None = None
    erased: int | None = None


_FILE_COLUMNS = (
    "file_id, run_id, dataset, partition_date, path, size_bytes, sha256, contract_hash, rows_in, loaded, quarantined, "
    "duplicates, loaded_at, status, message, rejected, ignored, erased"
)


def record_files(connection: duckdb.DuckDBPyConnection, entries: Iterable[FileEntry]) -> None:
    """Append to the file ledger."""
    rows = [
        [
            e.file_id,
            e.run_id,
            e.dataset,
            e.partition_date,
            e.path,
            e.size_bytes,
            e.sha256,
            e.contract_hash,
            e.rows_in,
            e.loaded,
            e.quarantined,
            e.duplicates,
            now(),
            e.status,
            e.message,
            e.rejected,
            e.ignored,
            e.erased,
        ]
        for e in entries
    ]
    if rows:
        insert_rows(connection, f"ops.files ({_FILE_COLUMNS})", rows)


def record_drift(
    connection: duckdb.DuckDBPyConnection, run_id: str, found: Iterable[tuple[LandingFile, str]]
) -> None:
    """Note columns that a file has and its contract does not know."""
    rows = [[run_id, f.dataset, f.partition_date, str(f.path), column, now()] for f, column in found]
    if rows:
        insert_rows(connection, "ops.drift", rows)


def record_refused(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    contract: SourceContract,
    refused: Sequence[tuple[LandingFile, str]],
) -> None:
    """Note files that were refused whole, each with its sentence; an earlier note of the same file goes."""
    connection.execute(DDL)
    for file, message in refused:
        name = contract.landed_name(file.path)
        connection.execute(
            "DELETE FROM ops.files WHERE status = 'refused' AND dataset = ? AND path IN (?, ?)",
            [file.dataset, name, str(file.path)],  # an earlier Mainstay wrote the whole path
        )
        entry = FileEntry(
            file_id="",
            run_id=run_id,
            dataset=file.dataset,
            partition_date=file.partition_date,
            path=name,
            size_bytes=0,
            sha256="",
            contract_hash="",
            rows_in=None,
            loaded=None,
            quarantined=None,
            duplicates=None,
            status="refused",
            message=message,
        )
        record_files(connection, [entry])


def note_unvalidated(connection: duckdb.DuckDBPyConnection, dataset: str, days: Iterable[date]) -> None:
    """Partitions were loaded anew: their rows have to pass the raw expectations before anything is built on them."""
    rows = [[dataset, day] for day in days]
    connection.execute(
        "DELETE FROM ops.unvalidated WHERE dataset = ? AND list_contains(?, partition_date)",
        [dataset, [r[1] for r in rows]],
    )
    insert_rows(connection, "ops.unvalidated", rows)


def unvalidated(connection: duckdb.DuckDBPyConnection) -> dict[str, list[date]]:
    """Per dataset, the partitions that were loaded and have not passed the raw expectations yet."""
    connection.execute(DDL)
    found: dict[str, list[date]] = {}
    for dataset, day in connection.execute(
        "SELECT DISTINCT dataset, partition_date FROM ops.unvalidated ORDER BY ALL"
    ).fetchall():
        found.setdefault(dataset, []).append(day)
    return found


def mark_validated(connection: duckdb.DuckDBPyConnection, partitions: dict[str, list[date]]) -> None:
    """These partitions' rows have passed the raw expectations."""
    for dataset, days in partitions.items():
        connection.execute(
            "DELETE FROM ops.unvalidated WHERE dataset = ? AND list_contains(?, partition_date)",
            [dataset, days],
        )


def touched(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[date]:
    """The business dates of a dataset whose rows a load has changed since the marts were last built."""
    connection.execute(DDL)
    rows = connection.execute(
        "SELECT DISTINCT business_date FROM ops.touched WHERE dataset = ? ORDER BY ALL", [dataset]
    ).fetchall()
    return [day for (day,) in rows]
