"""Load whole partitions at many places at once, and take them over in one transaction.

Parts of the load are read by themselves (see `part`): what stands in other partitions they do not know, and nothing that they
keep counts. Here all is put together: whether nothing is refused and nothing stands in too many places, and what the ledger says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.errors import FileRefusedError, LoadError
from pipelines.land.check import require_none_refused
from pipelines.load.accounts import write_ledger
from pipelines.load.controls import ControlMismatchError, keep_controls
from pipelines.load.keys import duplicates_reused, few_are_reused
from pipelines.load.part import Part, PartRead, Reader, of_tasks, read_part
from pipelines.load.partitions import close_earlier_entries, note_validity, summed_up
from pipelines.load.rejects import Excess, clear_earlier_rejects, note_rejected, too_many_rejects
from pipelines.load.state import PartitionLoad
from pipelines.load.tables import tables_of
from pipelines.load.touched import note_dates
from pipelines.quoting import literal
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import transaction
from pipelines.warehouse.durable import crash_point
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.reuse import reused_by_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pipelines.contracts import LandingFile
    from pipelines.load.state import DatasetLoad, Order
    from pipelines.warehouse.spread import Across, Kept, Spread

_MOST_BYTES = 64 * 1024 * 1024
_LEAST_BYTES = 4 * 1024 * 1024
_TASKS = 64
"""Parts that a load is cut into as long as they are between these bounds: enough for many places, and for an even end."""


def load_apart(order: Order, spread: Spread) -> DatasetLoad:
    """Load the files.

    Raises:
        LoadError: rows are unaccounted for, or too many break the rules. The partitions keep what they held.
        FileRefusedError: a file is not what its contract says, or has not the rows or sums of its control totals. The same holds.
        LandingError: a file cannot be read, or has changed since it was looked at.
        EngineError: a task died whenever it was tried. The same holds.
    """
    settings = of_tasks(order.settings, spread.task_memory)
    reader = Reader(settings, order.contract, order.run_id, spread.keeper)
    reads = spread.map(partial(read_part, reader), list(_parts(order)))
    crash_point("parts read")
    load = _whole(order, reads)
    if excess := _excess(reads):
        _keep_rejects(load, [of for one in reads for of in one.kept], spread)
        raise LoadError(too_many_rejects(load.contract, excess, len(load.days)))
    return _taken_over(load, reads, spread)


def _parts(order: Order) -> Iterator[Part]:
    """The partitions, so many in each part that it is worth a task and does not take long."""
    of_days: dict[date, list[LandingFile]] = {}
    for file in order.files:
        of_days.setdefault(file.partition_date, []).append(file)
    sizes = {day: sum(map(_size, files)) for day, files in of_days.items()}
    enough = min(max(sum(sizes.values()) // _TASKS, _LEAST_BYTES), _MOST_BYTES)
    files: list[LandingFile] = []
    size = 0
    for day, of_day in of_days.items():
        if files and size + sizes[day] > enough:
            yield _part(order, files)
            files, size = [], 0
        files += of_day
        size += sizes[day]
    if files:
        yield _part(order, files)


def _part(order: Order, files: list[LandingFile]) -> Part:
    return Part(files, {f.path: order.erased[f.path] for f in files if f.path in order.erased})


def _size(file: LandingFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0  # a look at it will say what is the matter


def _whole(order: Order, reads: Sequence[PartRead]) -> PartitionLoad:
    """The parts as one load, none of whose files is refused.

    Raises:
        FileRefusedError, LandingError, LoadError: see `load_apart`.
    """
    connection, contract = order.connection, order.contract
    require_none_refused(connection, order.run_id, contract, [of for one in reads for of in one.refused])
    for one in reads:
        if one.error is not None:
            raise one.error
    if mismatched := [of for one in reads for of in one.mismatched]:
        ledger.record_refused(connection, order.run_id, contract, mismatched)
        raise FileRefusedError(str(ControlMismatchError(mismatched)))
    files = [file for one in reads for file in one.files]
    load = PartitionLoad(connection, order.settings, contract, order.run_id, files, order.gone, order.erased)
    load.counts = {file_id: count for one in reads for file_id, count in one.counts.items()}
    # By the dates themselves, so that only these partitions' files are opened.
    days = ", ".join(f"DATE {literal(str(day))}" for day in (*load.days, *load.gone))
    load.here = load.loaded_here = f"partition_date IN ({days})"
    return load


def _excess(reads: Sequence[PartRead]) -> Excess | None:
    found = [one.excess for one in reads if one.excess is not None]
    return Excess([of for one in found for of in one.failed], found[0].reasons) if found else None


def _keep_rejects(load: PartitionLoad, kept: Sequence[Kept], spread: Spread) -> None:
    """See `rejects.keep_rejects`; the parts have read the rejects already."""
    engine, table = engine_of(load.settings), ("quarantine", load.name)
    with (
        transaction(load.connection),
        engine.changing(load.connection, load.settings, table, load.here) as quarantine,
    ):
        load.quarantine = quarantine
        clear_earlier_rejects(load)
        for of in kept:
            if of.table == table:
                load.connection.execute(
                    f"INSERT INTO {quarantine} BY NAME "
                    f"SELECT *, DATE {literal(str(of.partition_date))} AS partition_date FROM {spread.rows(of)}"
                )
        note_rejected(load)
    engine.tidy(load.connection, load.settings)


def _taken_over(load: PartitionLoad, reads: Sequence[PartRead], spread: Spread) -> DatasetLoad:
    tables, days = tables_of(load.contract), [*load.days, *load.gone]
    kept = [of for one in reads for of in one.kept]
    across = spread.compare(load.connection, load.contract, tables["raw", load.name], days, kept)
    crash_point("keys compared")
    with transaction(load.connection):
        dates: set[Any] = {day for one in reads for day in one.business_dates} | across.business_dates
        dates |= {
            day
            for (day,) in load.connection.execute(
                f"SELECT DISTINCT business_date FROM {load.table} WHERE {load.here}"
            ).fetchall()
        }
        spread.take_over(load.connection, tables, days, kept, across)
        _require_few_reused(load, across)
        note_dates(load, dates)
        close_earlier_entries(load)
        write_ledger(load, "loaded")
        keep_controls(load, [row for one in reads for row in one.controls])
        note_validity(load)
    crash_point("taken over")
    return summed_up(load)


def _require_few_reused(load: PartitionLoad, across: Across) -> None:
    nothing = "SELECT CAST(NULL AS DATE) AS partition_date, 0 AS reused WHERE false"
    counted = [f"SELECT DATE {literal(str(day))}, {rows}" for day, rows in across.reused.items()]
    if few_are_reused(load, reused_by_date(load.contract, " UNION ALL ".join([nothing, *counted]))):
        load.reused = across.reused_of_new + duplicates_reused(load)
