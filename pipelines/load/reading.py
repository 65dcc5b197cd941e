"""Read files into the tables of their dataset: quickly where all rows are good, carefully where not.

All of it is of the partitions that are read, and of nothing that stands or stood elsewhere, so it can be done anywhere.
"""

from __future__ import annotations

import codecs
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

import duckdb

from pipelines.contracts.persons import ERASED, treatment
from pipelines.errors import LoadError
from pipelines.load.accounts import account, count_by_file
from pipelines.load.careful import careful_read
from pipelines.load.controls import check_controls, note_sums, uncounted
from pipelines.load.keys import find_repeated_keys, set_duplicates_aside
from pipelines.load.quick import quick_select
from pipelines.load.rejects import check_tolerance, quarantine_rejects
from pipelines.load.state import FileCount
from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import insert_rows, scalar
from pipelines.warehouse.faults import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipelines.land import Inspected
    from pipelines.load.state import PartitionLoad

Result = TypeVar("Result")


class _ReadCarefully(Exception):
    """The quick way does not do for these files."""

    def __init__(self, files: set[int]) -> None:
        super().__init__(f"{len(files)} files")
        self.files = files


def attempts(load: PartitionLoad, attempt: Callable[[PartitionLoad], Result]) -> Result:
    """Have partitions read, each time with more files read carefully, until the quick way does for the others.

    Args:
        load: The partitions; the connection has their dataset's tables.
        attempt: Calls `read` in a transaction of its own.
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
    load.careful = {i for i, file in enumerate(load.files) if is_careful or file.needs_care}
    while True:
        try:
            return attempt(load)
        except _ReadCarefully as signal:
            load.careful |= signal.files


def read(load: PartitionLoad) -> None:
    """Read the files into `raw`, `quarantine` and `duplicates`, which hold nothing of these partitions.

    Raises:
        ControlMismatchError: files have not the rows or sums of their control totals.
        TooManyRejectsError: more rows than are tolerated break the contract.
        LoadError: rows are unaccounted for, or a rule cannot be run.
        LandingError: a file has changed since it was looked at.
    """
    load.counts = {f.file_id: FileCount() for f in load.files}
    load.sums = {}
    if scalar(load.connection, f"SELECT count(*) FROM {load.table}") == 0:
        load.loaded_here = "true"  # a first load: every row of the table is one of ours
    for group in _alike(load.files, load.careful):
        _read_quickly(load, group)
    for index in sorted(load.careful):
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


def _is_always_careful(load: PartitionLoad) -> bool:
    """JSON keeps its digits only when read as text; DuckDB's CSV reader takes UTF-8, and numbers no lines."""
    encoding = codecs.lookup(load.contract.dialect.encoding).name
    return (
        load.contract.format == "jsonl"
        or (load.contract.format == "csv" and encoding not in ("utf-8", "utf-8-sig", "ascii"))
        or "file_line" in load.contract.file_columns
    )


def _empty_erased(load: PartitionLoad) -> None:
    """Sales of erased customers, whose numbers a rewritten file has no more, have no customer."""
    for column in sorted(treatment(load.contract).words):
        load.connection.execute(
            f"UPDATE {load.table} SET {ident(column)} = NULL WHERE {ident(column)} = {literal(ERASED)} "
            f"AND {load.loaded_here}"
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
