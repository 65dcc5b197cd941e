"""Load whole partitions (dataset × landing date) into the warehouse's own tables, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import FileRefusedError, LoadError
from pipelines.land import check_files
from pipelines.load.accounts import write_ledger
from pipelines.load.controls import ControlMismatchError, control_sums, keep_controls
from pipelines.load.keys import count_reused_keys, note_contested_keys
from pipelines.load.reading import attempts, read
from pipelines.load.rejects import TooManyRejectsError, keep_rejects, top_reasons
from pipelines.load.state import DatasetLoad, PartitionLoad
from pipelines.load.touched import note_touched_dates, remember_held_before
from pipelines.quoting import ident
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import transaction

if TYPE_CHECKING:
    from pipelines.load.state import Order


def load_here(order: Order) -> DatasetLoad:
    """Look at an order's files, and load them.

    Raises:
        FileRefusedError, LandingError, LoadError: see `check_files` and `load_partitions`.
    """
    files = check_files(order.connection, order.run_id, order.contract, order.files)
    return load_partitions(
        PartitionLoad(
            order.connection, order.settings, order.contract, order.run_id, files, order.gone, order.erased
        )
    )


def load_partitions(load: PartitionLoad) -> DatasetLoad:
    """Load the files.

    Raises:
        LoadError: rows are unaccounted for, or too many break the rules. The partitions keep what they held.
        FileRefusedError: a file has not the rows or sums of its control totals. The same holds.
        LandingError: a file has changed since it was looked at.
    """
    try:
        return attempts(load, _attempt)
    except ControlMismatchError as mismatch:
        ledger.record_refused(load.connection, load.run_id, load.contract, mismatch.refused)
        raise FileRefusedError(str(mismatch)) from mismatch
    except TooManyRejectsError as refusal:
        with transaction(load.connection):
            keep_rejects(load)
        raise LoadError(str(refusal)) from refusal


def _attempt(load: PartitionLoad) -> DatasetLoad:
    with transaction(load.connection):
        remember_held_before(load)
        _clear(load)
        read(load)
        note_contested_keys(load)
        count_reused_keys(load)
        note_touched_dates(load)
        write_ledger(load, "loaded")
        keep_controls(load, control_sums(load))
        note_validity(load)
    return summed_up(load)


def note_validity(load: PartitionLoad) -> None:
    """The partitions' rows have to pass their expectations; of an emptied one no row is left that could fail them."""
    ledger.note_unvalidated(load.connection, load.name, load.days)
    ledger.mark_validated(load.connection, {load.name: list(load.gone)})


def _clear(load: PartitionLoad) -> None:
    for schema in ("raw", "quarantine", "duplicates"):
        load.connection.execute(f"DELETE FROM {schema}.{ident(load.name)} WHERE {load.here}")
    close_earlier_entries(load)


def close_earlier_entries(load: PartitionLoad) -> None:
    """Have the ledger say that what the partitions were loaded from before counts no more."""
    load.connection.execute(
        "UPDATE ops.files SET status = CASE WHEN list_contains(?, partition_date) THEN 'removed' ELSE 'replaced' END "
        f"WHERE dataset = ? AND status IN ('loaded', 'rejected', 'refused') AND {load.here}",
        [list(load.gone), load.name],
    )


def summed_up(load: PartitionLoad) -> DatasetLoad:
    """What the load did."""
    counts = load.counts.values()
    return DatasetLoad(
        dataset=load.name,
        dates=load.days,
        removed=sorted(load.gone),
        files=len(load.files),
        rows_in=sum(c.rows_in for c in counts),
        loaded=sum(c.loaded for c in counts),
        quarantined=sum(c.quarantined for c in counts),
        duplicates=sum(c.duplicates for c in counts),
        rejected=sum(c.rejected for c in counts),
        ignored=sum(c.ignored for c in counts),
        erased=sum(c.erased for c in counts),
        reused=load.reused,
        drift=sorted({name for f in load.files for name in f.drift}),
        top_reasons=top_reasons(load),
    )
