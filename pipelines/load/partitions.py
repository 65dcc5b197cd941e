"""Load whole partitions (dataset × business date): quickly where all rows are good, carefully where not."""

from __future__ import annotations

import codecs
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines import ledger
from pipelines.contracts import LOAD_COLUMNS, canonical_contracts
from pipelines.errors import LoadError
from pipelines.load.careful import careful_read
from pipelines.load.keys import find_repeated_keys, note_contested_keys, scalar, set_duplicates_aside
from pipelines.load.quick import quick_select
from pipelines.load.tables import REASON_KIND, contract_hash, raw_columns
from pipelines.load.touched import note_touched_dates, remember_held_before
from pipelines.sql import ident, insert_rows, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pipelines.contracts import SourceContract
    from pipelines.land import Inspected
    from pipelines.settings import Settings


@dataclass
class FileCount:
    """What became of one file's rows."""

    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0


@dataclass
class DatasetLoad:
    """What loading some partitions of one dataset did; counts are rows unless named otherwise."""

    dataset: str
    dates: list[date] = field(default_factory=list)
    files: int = 0
    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unchanged: int = 0
    """Partitions left as they were, because nothing about them had changed."""
    missing: list[date] = field(default_factory=list)
    """Partitions that keep their rows though no landing file of theirs is there any more."""
    removed: list[date] = field(default_factory=list)
    """Partitions whose rows were taken out because their landing files are gone."""
    drift: list[str] = field(default_factory=list)
    """Columns found in the files that the contract does not know."""
    top_reasons: list[tuple[str, int]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For the ledger, XCom and `--json`."""
        counted = {k: len(getattr(self, k)) for k in ("dates", "missing", "removed")}
        return {**vars(self), **counted}


class _TooManyRejects(Exception):
    """Undo the load, but keep the rejects to look at."""


class _ReadCarefully(Exception):
    """The quick way does not do for these files."""

    def __init__(self, files: set[int]) -> None:
        super().__init__(f"{len(files)} files")
        self.files = files


@dataclass
class PartitionLoad:
    """One transaction: replaces the given partitions of one dataset by their files' rows, or empties them."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    contract: SourceContract
    run_id: str
    files: Sequence[Inspected]
    """All the files of the partitions."""
    gone: Sequence[date] = ()
    """Partitions without a file any more, to be emptied."""

    def __post_init__(self) -> None:
        """Work out the names that the SQL needs."""
        self.name = self.contract.name
        self.table = f"raw.{ident(self.name)}"
        self.quarantine = f"quarantine.{ident(self.name)}"
        own = {c.name for c in self.contract.columns} | set(LOAD_COLUMNS)
        known = raw_columns(self.contract, canonical_contracts()[self.name])
        self.columns = [ident(name) for name, _ in known if name in own]
        self.days = sorted({f.file.partition_date for f in self.files})
        self.here = "partition_date IN (SELECT partition_date FROM touched_partitions)"
        self.loaded_here = self.here
        self.counts: dict[str, FileCount] = {}

    def run(self) -> DatasetLoad:
        """Load the files.

        Raises:
            LoadError: rows are unaccounted for, or too many break the rules. The partitions keep what they held.
        """
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE landed (path VARCHAR, partition_date DATE, file_id VARCHAR)"
        )
        rows = [[str(f.file.path), f.file.partition_date, f.file_id] for f in self.files]
        insert_rows(self.connection, "landed", rows)
        self.connection.execute("CREATE OR REPLACE TEMP TABLE touched_partitions (partition_date DATE)")
        insert_rows(self.connection, "touched_partitions", [[day] for day in (*self.days, *self.gone)])
        is_careful = self._is_always_careful()
        careful = {i for i, file in enumerate(self.files) if is_careful or file.needs_care}
        while True:
            try:
                return self._attempt(careful)
            except _ReadCarefully as signal:
                careful |= signal.files
            except _TooManyRejects as refusal:
                with transaction(self.connection):
                    self._keep_rejects(careful)
                raise LoadError(str(refusal)) from refusal

    def _is_always_careful(self) -> bool:
        """JSON keeps its digits only when read as text; DuckDB's CSV reader takes UTF-8."""
        encoding = codecs.lookup(self.contract.dialect.encoding).name
        return self.contract.format == "jsonl" or (
            self.contract.format == "csv" and encoding not in ("utf-8", "utf-8-sig", "ascii")
        )

    def _attempt(self, careful: set[int]) -> DatasetLoad:
        self.counts = {f.file_id: FileCount() for f in self.files}
        with transaction(self.connection):
            remember_held_before(self)
            self._clear()
            if scalar(self.connection, f"SELECT count(*) FROM {self.table}") == 0:
                self.loaded_here = "true"  # a first load: every row of the table is one of ours
            for group in _alike(self.files, careful):
                self._read_quickly(group)
            for index in sorted(careful):
                self._read_carefully(self.files[index])
            self._check_tolerance()
            find_repeated_keys(self)
            set_duplicates_aside(self)
            self._account()
            note_contested_keys(self)
            note_touched_dates(self)
            self._write_ledger("loaded")
            ledger.note_unvalidated(self.connection, self.name, self.days)
            # Of an emptied partition no row is left that could fail its expectations.
            ledger.mark_validated(self.connection, {self.name: list(self.gone)})
        return self._result()

    def _clear(self) -> None:
        for schema in ("raw", "quarantine", "duplicates"):
            self.connection.execute(f"DELETE FROM {schema}.{ident(self.name)} WHERE {self.here}")
        self._close_earlier_entries()

    def _close_earlier_entries(self) -> None:
        self.connection.execute(
            "UPDATE ops.files SET status = CASE WHEN list_contains(?, partition_date) THEN 'removed' ELSE 'replaced' END "
            f"WHERE dataset = ? AND status IN ('loaded', 'rejected', 'refused') AND {self.here}",
            [list(self.gone), self.name],
        )

    def _quick_select(self, indexes: Sequence[int]) -> str:
        return quick_select(
            self.contract, [self.files[i] for i in indexes], self.settings.timezone, self.columns
        )

    def _read_quickly(self, indexes: list[int]) -> None:
        """Insert many files at once; files with a row that is not good are left to the careful way."""
        try:
            self.connection.execute(
                f"INSERT INTO {self.table} ({', '.join(self.columns)}) {self._quick_select(indexes)}"
            )
        except duckdb.Error as error:
            # The error has ended DuckDB's transaction; what to do now is found out outside of it.
            self.connection.execute("ROLLBACK")
            try:
                bad = self._find_bad(indexes)
            finally:
                self.connection.execute("BEGIN TRANSACTION")
            if not bad:
                raise LoadError(f"{self.name} cannot be loaded: {error}") from error
            raise _ReadCarefully(bad) from error
        counted = self._count_by_file("raw")
        differing = {i for i in indexes if counted.get(self.files[i].file_id, 0) != self.files[i].rows}
        if differing:  # line breaks within quotes, or blank lines: count records instead of lines
            raise _ReadCarefully(differing)
        for index in indexes:
            file = self.files[index]
            self.counts[file.file_id].rows_in = file.rows

    def _find_bad(self, indexes: list[int]) -> set[int]:
        """The files with a row that is not good, found by halving."""
        try:
            # The hash needs every column: DuckDB would leave out a column, and its fault, that only a count asks for.
            self.connection.execute(
                f"SELECT bit_xor(hash(r)) FROM ({self._quick_select(indexes)}) AS r"
            ).fetchall()
        except duckdb.Error:
            if len(indexes) == 1:
                return set(indexes)
            middle = len(indexes) // 2
            return self._find_bad(indexes[:middle]) | self._find_bad(indexes[middle:])
        return set()

    def _read_carefully(self, file: Inspected) -> None:
        try:
            rows = careful_read(self.connection, file, self.contract, self.settings.timezone)
        except duckdb.Error as error:
            raise LoadError(
                f"{self.contract.path}: a rule or expression of the contract cannot be run: {error}"
            ) from error
        columns = ", ".join(self.columns)
        self.connection.execute(
            f"INSERT INTO {self.table} ({columns}) SELECT {columns} FROM careful "
            'WHERE len("row reasons") = 0 ORDER BY "line number"'
        )
        self._quarantine(file)
        self.counts[file.file_id].rows_in = rows

    def _quarantine(self, file: Inspected) -> None:
        self.connection.execute(
            f'INSERT INTO {self.quarantine} SELECT ?, ?, partition_date, file_id, ?, "line number", "raw text", '
            '"row reasons", ? FROM careful WHERE len("row reasons") > 0 ORDER BY "line number"',
            [self.run_id, self.name, str(file.file.path), ledger.now()],
        )
        self.connection.execute("DROP TABLE careful")

    def _check_tolerance(self) -> None:
        """Per business date: the share of rejects must be within what the contract tolerates."""
        rejects = self.connection.execute(
            f"SELECT partition_date, count(*) FROM {self.quarantine} WHERE {self.here} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        rows_in: dict[date, int] = defaultdict(int)
        for file in self.files:
            rows_in[file.file.partition_date] += self.counts[file.file_id].rows_in
        failed = [
            (day, bad, rows_in[day])
            for day, bad in rejects
            if bad > rows_in[day] * self.contract.tolerated_reject_rate
        ]
        if not failed:
            return
        day, bad, rows = failed[0]
        reasons = "; ".join(f"{reason} ({count:,} rows)" for reason, count in self._top_reasons(day))
        more = (
            f" So it is on {len(failed) - 1} more: {', '.join(str(d) for d, _, _ in failed[1:4])} …"
            if len(failed) > 1
            else ""
        )
        raise _TooManyRejects(
            f"{self.name} {day}: {bad:,} of {rows:,} rows break the contract, {bad / rows:.2%} where "
            f"{self.contract.tolerated_reject_rate:.2%} is tolerated. Most often: {reasons}.{more} "
            f"None of the {len(rows_in)} dates of this load was taken over. "
            f"See `mainstay quarantine show {self.name} --date {day}`, mend the file or {self.contract.path}, and load again"
        )

    def _top_reasons(self, day: date | None = None) -> list[tuple[str, int]]:
        """The most frequent reasons by column and kind, with the example values cut out."""
        rows = self.connection.execute(
            f"SELECT {REASON_KIND} AS kind, count(*) FROM ("
            f"SELECT unnest(reasons) AS reason FROM {self.quarantine} WHERE {self.here} "
            "AND (CAST(? AS DATE) IS NULL OR partition_date = ?)) GROUP BY kind ORDER BY 2 DESC, 1 LIMIT 3",
            [day, day],
        ).fetchall()
        return [(str(reason), int(count)) for reason, count in rows]

    def _count_by_file(self, schema: str) -> dict[str, int]:
        return dict(
            self.connection.execute(
                f"SELECT file_id, count(*) FROM {schema}.{ident(self.name)} "
                f"WHERE {self.loaded_here if schema == 'raw' else self.here} GROUP BY file_id"
            ).fetchall()
        )

    def _account(self) -> None:
        """Rows in = loaded + quarantined + duplicates for each file, counted in the tables themselves."""
        loaded, quarantined, duplicates = (
            self._count_by_file(s) for s in ("raw", "quarantine", "duplicates")
        )
        for file in self.files:
            count = self.counts[file.file_id]
            count.loaded = loaded.get(file.file_id, 0)
            count.quarantined = quarantined.get(file.file_id, 0)
            count.duplicates = duplicates.get(file.file_id, 0)
            if count.rows_in != count.loaded + count.quarantined + count.duplicates:
                raise LoadError(
                    f"{file.file.path}: {count.rows_in:,} rows came in but {count.loaded:,} were loaded, {count.quarantined:,} "
                    f"quarantined and {count.duplicates:,} were duplicates; nothing of it is kept. Please report this as a defect"
                )

    def _keep_rejects(self, careful: set[int]) -> None:
        """After a refusal: raw keeps what it held, quarantine and the ledger say what was wrong."""
        # What the load before set aside stays beside its raw rows; what earlier refusals left is out of date.
        self.connection.execute(
            f"DELETE FROM {self.quarantine} WHERE {self.here} AND (run_id, file_id) NOT IN "
            "(SELECT (run_id, file_id) FROM ops.files WHERE dataset = ? AND status = 'loaded')",
            [self.name],
        )
        self.connection.execute(
            f"UPDATE ops.files SET status = 'replaced' WHERE dataset = ? AND status IN ('rejected', 'refused') AND {self.here}",
            [self.name],
        )
        for index in sorted(careful):
            careful_read(self.connection, self.files[index], self.contract, self.settings.timezone)
            self._quarantine(self.files[index])
        quarantined = dict(
            self.connection.execute(
                f"SELECT file_id, count(*) FROM {self.quarantine} WHERE {self.here} AND run_id = ? GROUP BY file_id",
                [self.run_id],
            ).fetchall()
        )
        for file_id, count in self.counts.items():
            count.loaded, count.quarantined = 0, quarantined.get(file_id, 0)
        self._write_ledger("rejected")

    def _write_ledger(self, status: str) -> None:
        hash_ = contract_hash(self.contract, self.settings)
        entries = [
            ledger.FileEntry(
                file_id=f.file_id,
                run_id=self.run_id,
                dataset=self.name,
                partition_date=f.file.partition_date,
                path=str(f.file.path),
                size_bytes=f.size_bytes,
                sha256=f.sha256,
                contract_hash=hash_,
                status=status,
                **vars(self.counts[f.file_id]),
            )
            for f in self.files
        ]
        ledger.record_files(self.connection, entries)
        ledger.record_drift(
            self.connection, self.run_id, [(f.file, name) for f in self.files for name in f.drift]
        )

    def _result(self) -> DatasetLoad:
        counts = self.counts.values()
        return DatasetLoad(
            dataset=self.name,
            dates=self.days,
            removed=sorted(self.gone),
            files=len(self.files),
            rows_in=sum(c.rows_in for c in counts),
            loaded=sum(c.loaded for c in counts),
            quarantined=sum(c.quarantined for c in counts),
            duplicates=sum(c.duplicates for c in counts),
            drift=sorted({name for f in self.files for name in f.drift}),
            top_reasons=self._top_reasons(),
        )


def _alike(files: Sequence[Inspected], careful: set[int]) -> Iterator[list[int]]:
    """Groups of files that one reader call can take: same header, compression and Parquet types."""

    def shape(index: int) -> str:
        file = files[index]
        return repr((file.header, file.is_gzip, file.schema))

    quick = sorted(
        (i for i in range(len(files)) if i not in careful), key=lambda i: (shape(i), files[i].file)
    )
    for _, group in groupby(quick, key=shape):
        yield list(group)
