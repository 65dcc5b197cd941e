"""Rows in = loaded + quarantined + rejected + ignored + duplicates + erased, for each file: counted, written into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import LoadError
from pipelines.load.tables import contract_hash
from pipelines.quoting import ident
from pipelines.warehouse import ledger

if TYPE_CHECKING:
    from pipelines.load.state import PartitionLoad


def count_by_file(load: PartitionLoad, schema: str, where: str = "true") -> dict[str, int]:
    """The partitions' rows in `raw`, `quarantine` or `duplicates`, by file id."""
    return dict(
        load.connection.execute(
            f"SELECT file_id, count(*) FROM {schema}.{ident(load.name)} "
            f"WHERE {load.loaded_here if schema == 'raw' else load.here} AND {where} GROUP BY file_id"
        ).fetchall()
    )


def account(load: PartitionLoad) -> None:
    """Rows in are accounted for in each file: counted in the tables themselves, but for ignored rows, which stand in none."""
    loaded, duplicates = (count_by_file(load, s) for s in ("raw", "duplicates"))
    quarantined = count_by_file(load, "quarantine", "kind = 'broken'")
    rejected = count_by_file(load, "quarantine", "kind = 'rejected'")
    for file in load.files:
        count = load.counts[file.file_id]
        count.loaded = loaded.get(file.file_id, 0)
        count.quarantined = quarantined.get(file.file_id, 0)
        count.rejected = rejected.get(file.file_id, 0)
        count.duplicates = duplicates.get(file.file_id, 0)
        if count.rows_in != (
            count.loaded + count.quarantined + count.rejected + count.ignored + count.duplicates
        ):
            raise LoadError(
                f"{file.file.path}: {count.rows_in:,} rows came in but {count.loaded:,} were loaded, {count.quarantined:,} "
                f"quarantined, {count.rejected:,} rejected and {count.ignored:,} ignored, and {count.duplicates:,} were "
                "duplicates; nothing of it is kept. Please report this as a defect"
            )
        # They came in too, and were taken out of the file before it was read.
        count.erased = load.erased.get(file.file.path, 0)
        count.rows_in += count.erased


def write_ledger(load: PartitionLoad, status: str) -> None:
    """Enter the files, with what became of their rows, and the columns that their contract does not know."""
    hash_ = contract_hash(load.contract, load.settings)
    entries = [
        ledger.FileEntry(
            file_id=f.file_id,
            run_id=load.run_id,
            dataset=load.name,
            partition_date=f.file.partition_date,
            path=load.contract.landed_name(f.file.path),
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
