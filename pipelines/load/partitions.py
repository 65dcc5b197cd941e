"""Load whole partitions (dataset × landing date): quickly where all rows are good, carefully where not."""

from __future__ import annotations

import codecs
from itertools import groupby
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts.persons import ERASED, treatment
from pipelines.errors import FileRefusedError, LoadError
from pipelines.load.accounts import account, count_by_file, write_ledger
from pipelines.load.careful import careful_read
from pipelines.load.controls import ControlMismatchError, check_controls, keep_controls, note_sums, uncounted
from pipelines.load.keys import (
    count_reused_keys,
    find_repeated_keys,
    note_contested_keys,
    set_duplicates_aside,
)
from pipelines.load.quick import quick_select
from pipelines.load.rejects import (
    TooManyRejectsError,
    check_tolerance,
    keep_rejects,
    quarantine_rejects,
    top_reasons,
)
from pipelines.load.state import DatasetLoad, FileCount
from pipelines.load.touched import note_touched_dates, remember_held_before
from pipelines.quoting import ident, literal
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import insert_rows, scalar, transaction
from pipelines.warehouse.faults import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.land import Inspected
    from pipelines.load.state import PartitionLoad


class _ReadCarefully(Exception):
    """The quick way does not do for these files."""

    def __init__(self, files: set[int]) -> None:
        super().__init__(f"{len(files)} files")
        self.files = files


def load_partitions(load: PartitionLoad) -> DatasetLoad:
    """Load the files.

    Raises:
        LoadError: rows are unaccounted for, or too many break the rules. The partitions keep what they held.
        FileRefusedError: a file has not the rows or sums of its control totals. The same holds.
        LandingError: a file has changed since it was looked at.
    """
    load.connection.execute(
        "CREATE OR REPLACE TEMP TABLE landed (ordinal INTEGER, path VARCHAR, partition_date DATE, file_id VARCHAR)"
    )
    files = sorted(load.files, key=lambda f: f.file.place)
    rows = [[place, str(f.file.path), f.file.partition_date, f.file_id] for place, f in enumerate(files)]
    insert_rows(load.connection, "landed", rows)
    load.connection.execute("CREATE OR REPLACE TEMP TABLE touched_partitions (partition_date DATE)")
    insert_rows(load.connection, "touched_partitions", [[day] for day in (*load.days, *load.gone)])
    is_careful = _is_always_careful(load)
    careful = {i for i, file in enumerate(load.files) if is_careful or file.needs_care}
    while True:
        try:
            return _attempt(load, careful)
        except _ReadCarefully as signal:
            careful |= signal.files
        except ControlMismatchError as mismatch:
            ledger.record_refused(load.connection, load.run_id, load.contract, mismatch.refused)
            raise FileRefusedError(str(mismatch)) from mismatch
        except TooManyRejectsError as refusal:
            with transaction(load.connection):
                keep_rejects(load, careful)
            raise LoadError(str(refusal)) from refusal


def _is_always_careful(load: PartitionLoad) -> bool:
    """JSON keeps its digits only when read as text; DuckDB's CSV reader takes UTF-8, and numbers no lines."""
    encoding = codecs.lookup(load.contract.dialect.encoding).name
    return (
        load.contract.format == "jsonl"
        or (load.contract.format == "csv" and encoding not in ("utf-8", "utf-8-sig", "ascii"))
        or "file_line" in load.contract.file_columns
    )


def _attempt(load: PartitionLoad, careful: set[int]) -> DatasetLoad:
    load.counts = {f.file_id: FileCount() for f in load.files}
    load.sums = {}
    with transaction(load.connection):
        remember_held_before(load)
        _clear(load)
        if scalar(load.connection, f"SELECT count(*) FROM {load.table}") == 0:
            load.loaded_here = "true"  # a first load: every row of the table is one of ours
        for group in _alike(load.files, careful):
            _read_quickly(load, group)
        for index in sorted(careful):
            _read_carefully(load, load.files[index])
        for file in load.files:
            file.require_unchanged()
        if unsure := uncounted(load):
            raise _ReadCarefully(unsure)
        check_controls(load)
        check_tolerance(load)
        _empty_erased(load)
        find_repeated_keys(load)
        set_duplicates_aside(load)
        account(load)
        note_contested_keys(load)
        count_reused_keys(load)
        note_touched_dates(load)
        write_ledger(load, "loaded")
        keep_controls(load)
        ledger.note_unvalidated(load.connection, load.name, load.days)
        # Of an emptied partition no row is left that could fail its expectations.
        ledger.mark_validated(load.connection, {load.name: list(load.gone)})
    return _result(load)


def _empty_erased(load: PartitionLoad) -> None:
    """Sales of erased customers, whose numbers a rewritten file has no more, have no customer."""
    for column in sorted(treatment(load.contract).words):
        load.connection.execute(
            f"UPDATE {load.table} SET {ident(column)} = NULL WHERE {ident(column)} = {literal(ERASED)} "
            f"AND {load.loaded_here}"
        )


def _clear(load: PartitionLoad) -> None:
    for schema in ("raw", "quarantine", "duplicates"):
        load.connection.execute(f"DELETE FROM {schema}.{ident(load.name)} WHERE {load.here}")
    _close_earlier_entries(load)


def _close_earlier_entries(load: PartitionLoad) -> None:
    load.connection.execute(
        "UPDATE ops.files SET status = CASE WHEN list_contains(?, partition_date) THEN 'removed' ELSE 'replaced' END "
        f"WHERE dataset = ? AND status IN ('loaded', 'rejected', 'refused') AND {load.here}",
        [list(load.gone), load.name],
    )


def _quick_select(load: PartitionLoad, indexes: Sequence[int]) -> str:
    return quick_select(load.contract, [load.files[i] for i in indexes], load.settings.timezone, load.columns)


def _read_quickly(load: PartitionLoad, indexes: list[int]) -> None:
    """Insert many files at once; files with a row that is not good are left to the careful way."""
    for index in indexes:
        load.files[index].require_unchanged()  # a pipe in a file's place would be waited for
    try:
        ignored = _insert_good(load, _quick_select(load, indexes))
    except duckdb.Error as error:
        # The error has ended DuckDB's transaction; what to do now is found out outside of it.
        load.connection.execute("ROLLBACK")
        try:
            bad = _find_bad(load, indexes)
        finally:
            load.connection.execute("BEGIN TRANSACTION")
        for index in indexes:
            load.files[index].require_unchanged()
        if not bad:
            what = said(error, is_personal=load.contract.has_personal)
            # Without its cause: a task's log has the text of every error of the chain.
            raise LoadError(f"{load.name} cannot be loaded: {what}") from None
        raise _ReadCarefully(bad) from error
    counted = count_by_file(load, "raw")
    for index in indexes:
        file = load.files[index]
        load.counts[file.file_id].ignored = ignored.get(file.file_id, 0)
        counted[file.file_id] = counted.get(file.file_id, 0) + ignored.get(file.file_id, 0)
    differing = {i for i in indexes if counted[load.files[i].file_id] != load.files[i].rows}
    if differing:  # line breaks within quotes, or blank lines: count records instead of lines
        raise _ReadCarefully(differing)
    for index in indexes:
        file = load.files[index]
        load.counts[file.file_id].rows_in = file.rows


def _insert_good(load: PartitionLoad, select: str) -> dict[str, int]:
    """Insert the rows of a quick read; returns the ignored ones, counted by file id."""
    columns = ", ".join(load.columns)
    if not load.contract.ignore_if:
        load.connection.execute(f"INSERT INTO {load.table} ({columns}) {select}")
        return {}
    load.connection.execute(f"CREATE OR REPLACE TEMP TABLE quick AS {select}")
    load.connection.execute(
        f'INSERT INTO {load.table} ({columns}) SELECT {columns} FROM quick WHERE NOT "is ignored"'
    )
    ignored = load.connection.execute(
        'SELECT file_id, count(*) FROM quick WHERE "is ignored" GROUP BY ALL'
    ).fetchall()
    load.connection.execute("DROP TABLE quick")
    return dict(ignored)


def _find_bad(load: PartitionLoad, indexes: list[int]) -> set[int]:
    """The files with a row that is not good, found by halving."""
    try:
        # The hash needs every column: DuckDB would leave out a column, and its fault, that only a count asks for.
        load.connection.execute(
            f"SELECT bit_xor(hash(r)) FROM ({_quick_select(load, indexes)}) AS r"
        ).fetchall()
    except duckdb.Error:
        if len(indexes) == 1:
            return set(indexes)
        middle = len(indexes) // 2
        return _find_bad(load, indexes[:middle]) | _find_bad(load, indexes[middle:])
    return set()


def _read_carefully(load: PartitionLoad, file: Inspected) -> None:
    file.require_unchanged()
    try:
        rows = careful_read(load.connection, file, load.contract, load.settings.timezone)
    except duckdb.Error as error:
        what = said(error, is_personal=load.contract.has_personal)
        raise LoadError(
            f"{load.contract.path}: a rule or expression of the contract cannot be run on {file.file.path}: {what}; "
            "`mainstay doctor` tries each"
        ) from None
    note_sums(load, file)
    columns = ", ".join(load.columns)
    load.connection.execute(
        f"INSERT INTO {load.table} ({columns}) SELECT {columns} FROM careful "
        'WHERE "row kind" = \'good\' ORDER BY "line number"'
    )
    load.counts[file.file_id].ignored = scalar(
        load.connection, "SELECT count(*) FROM careful WHERE \"row kind\" = 'ignored'"
    )
    quarantine_rejects(load, file)
    load.counts[file.file_id].rows_in = rows


def _result(load: PartitionLoad) -> DatasetLoad:
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


def _alike(files: Sequence[Inspected], careful: set[int]) -> Iterator[list[int]]:
    """Groups of files that one reader call can take: same header, compression and Parquet types."""

    def shape(index: int) -> str:
        file = files[index]
        # A column of the name under which the reader counts its files leaves no count to tell them apart by.
        is_alone = file.schema and "file_index" in (name.casefold() for name in file.header)
        alone = index if is_alone else None
        return repr((file.header, file.width, file.lines_above, file.is_gzip, file.schema, alone))

    quick = sorted(
        (i for i in range(len(files)) if i not in careful), key=lambda i: (shape(i), files[i].file.place)
    )
    for _, group in groupby(quick, key=shape):
        yield list(group)
