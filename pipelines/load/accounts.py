"""Rows in = loaded + quarantined + duplicates, for each file: counted in the tables, written into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import LoadError
from pipelines.load.tables import contract_hash
from pipelines.quoting import ident
from pipelines.warehouse import ledger

if TYPE_CHECKING:
    from pipelines.load.state import PartitionLoad


def count_by_file(load: PartitionLoad, schema: str) -> dict[str, int]:
    """The partitions' rows in `raw`, `quarantine` or `duplicates`, by file id."""
    return dict(
        load.connection.execute(
            f"SELECT file_id, count(*) FROM {schema}.{ident(load.name)} "
            f"WHERE {load.loaded_here if schema == 'raw' else load.here} GROUP BY file_id"
        ).fetchall()
    )


def account(load: PartitionLoad) -> None:
    """Rows in = loaded + quarantined + duplicates for each file, counted in the tables themselves."""
    loaded, quarantined, duplicates = (count_by_file(load, s) for s in ("raw", "quarantine", "duplicates"))
    for file in load.files:
        count = load.counts[file.file_id]
        count.loaded = loaded.get(file.file_id, 0)
        count.quarantined = quarantined.get(file.file_id, 0)
        count.duplicates = duplicates.get(file.file_id, 0)
        if count.rows_in != count.loaded + count.quarantined + count.duplicates:
            raise LoadError(
                f"{file.file.path}: {count.rows_in:,} rows came in but {count.loaded:,} were loaded, {count.quarantined:,} "
                f"quarantined and {count.duplicates:,} were duplicates; nothing of it is kept. Please report this as a defect"
            )


def write_ledger(load: PartitionLoad, status: str) -> None:
    """Enter the files, with what became of their rows, and the columns that their contract does not know."""
    hash_ = contract_hash(load.contract, load.settings)
    entries = [
        ledger.FileEntry(
            file_id=f.file_id,
            run_id=load.run_id,
            dataset=load.name,
            partition_date=f.file.partition_date,
            path=str(f.file.path),
            size_bytes=f.size_bytes,
            sha256=f.sha256,
            contract_hash=hash_,
            status=status,
            **vars(load.counts[f.file_id]),
        )
        for f in load.files
    ]
    ledger.record_files(load.connection, entries)
    ledger.record_drift(
        load.connection, load.run_id, [(f.file, name) for f in load.files for name in f.drift]
    )
