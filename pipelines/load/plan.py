"""What a load would do, found out by doing it beside the warehouse.

The range's files are loaded with the loader itself into a scratch database below `var/`, which is removed
afterwards, and then compared with the warehouse. The warehouse is only read, and is locked only while it is read.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from pipelines.contracts import source_contracts
from pipelines.contracts.location import fixed_folder
from pipelines.errors import FileRefusedError, LandingError, LoadError
from pipelines.land import check_files
from pipelines.land.discover import require_landing_folder
from pipelines.load.difference import (
    WAREHOUSE,
    Difference,
    Held,
    HeldPartition,
    attached,
    find_difference,
    held_in,
    own_catalog,
)
from pipelines.load.keys import too_many_reused
from pipelines.load.partitions import load_partitions
from pipelines.load.pending import Pending, compare
from pipelines.load.state import PartitionLoad
from pipelines.load.tables import check_types, create_tables, raw_columns
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, restrict
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors, explained
from pipelines.warehouse.in_process import DuckDBEngine
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.reuse import tolerated_rate
from pipelines.warehouse.rights import LOCK_MODE
from pipelines.warehouse.store import reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.land import Inspected
    from pipelines.settings import Settings

_PLAN = "plan"
"""Run id of a plan in the lock's note and in its scratch ledger."""


@dataclass
class PartitionPlan:
    """What would become of one partition; counts are rows unless named otherwise.

    State: `new` (not loaded yet), `changed`, `unchanged` (not loaded again, or loaded again with the same rows),
    `missing` (loaded, no landing file any more), `refused` (a file is not what its contract says), `rejected`
    (its load would fail).
    """

    dataset: str
    date: date
    state: str
    files: int = 0
    rows_now: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    quarantined: int = 0
    duplicates: int = 0
    message: str | None = None
    rejected: int = 0
    ignored: int = 0


@dataclass
class LoadPlan:
    """An exact forecast of a load."""

    partitions: list[PartitionPlan] = field(default_factory=list)
    months: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rows added, removed and changed by business month (YYYY-MM); of master data, by its partition's month."""
    snapshot_datasets: list[str] = field(default_factory=list)
    """Datasets of master data in the plan: their months are those of their partitions."""
    marts_from: str | None = None
    """First month (YYYY-MM) whose rows or master data can change, and from which monthly marts can differ."""
    problems: list[str] = field(default_factory=list)
    """The sentences at which the load itself would stop."""

    @property
    def totals(self) -> dict[str, Any]:
        """Partitions by state, then files and rows over all of them."""
        names = (
            "files",
            "rows_now",
            "rows_after",
            "added",
            "removed",
            "changed",
            "quarantined",
            "rejected",
            "ignored",
            "duplicates",
        )
        return {
            "partitions": dict(Counter(p.state for p in self.partitions)),
            **{name: sum(getattr(p, name) for p in self.partitions) for name in names},
        }

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: dates as ISO texts, months as a list in order."""
        return {
            "partitions": [{**vars(p), "date": p.date.isoformat()} for p in self.partitions],
            "months": [{"month": month, **counts} for month, counts in sorted(self.months.items())],
            "snapshot_datasets": self.snapshot_datasets,
            "marts_from": self.marts_from,
            "problems": self.problems,
            "totals": self.totals,
        }


def plan_load(
    settings: Settings,
    first: date | None,
    last: date | None,
    datasets: Sequence[str] | None = None,
    *,
    reload: bool = False,
    remove_missing: bool = False,
    say: Callable[[str], None] | None = None,
) -> LoadPlan:
    """Say exactly what `load_datasets` with the same arguments would do, and write nothing to the warehouse.

    A file that would be refused or a load that would be rejected is a partition's state, and the plan goes on with
    the others; the load itself would stop there. Should another run load in between, the plan compares with its rows.

    Raises:
        LandingError: the landing folder cannot be read, or a path names two dates.
        LockedError: another process holds the warehouse for too long.
        WarehouseDamagedError: the warehouse is damaged.
        StorageError: the disk has no room for the scratch database, or does not let us write it.
    """
    heard = say or (lambda text: None)
    contracts = {n: c for n, c in source_contracts(settings).items() if datasets is None or n in datasets}
    plan = LoadPlan(snapshot_datasets=[n for n, c in contracts.items() if c.business_time is None])
    with (
        database_errors(settings),
        _scratch(settings, say) as folder,
        closing(connect(settings, folder / "plan.duckdb")) as connection,
    ):
        connection.execute(ledger.DDL)
        create_tables(connection, settings, DuckDBEngine())
        folders = [fixed_folder(settings.landing, c.location) for c in contracts.values()]
        reach(connection, settings)  # the warehouse is attached later
        restrict(connection, [settings.var, *folders, *engine_of(settings).places(settings)])
        with warehouse_lock(settings, _PLAN, _PLAN, on_wait=say), attached(connection, settings):
            before = {name: held_in(connection, WAREHOUSE, c, first, last) for name, c in contracts.items()}
        works = []
        for name, contract in contracts.items():
            versions = {day: held.versions for day, held in before[name].partitions.items()}
            pending = compare(settings, contract, first, last, versions, reload=reload)
            work = _DatasetPlan(settings, connection, contract, before[name], pending, remove_missing)
            if pending.changed:
                heard(f"{name}: {len(pending.files):,} files of {len(pending.changed):,} dates")
            works.append(work)
            plan.problems += work.load()
        heard("comparing with the warehouse")
        starts = []
        with warehouse_lock(settings, _PLAN, _PLAN, on_wait=say), attached(connection, settings):
            for work in works:
                difference = find_difference(connection, work.contract, work.replaced)
                plan.problems += work.reuse_problems(difference)
                plan.partitions += work.partitions(difference)
                starts += [difference.starts] if difference.starts else []
                for month, counts in difference.months.items():
                    of_month = plan.months.setdefault(month, {"added": 0, "removed": 0, "changed": 0})
                    for what, rows in counts.items():
                        of_month[what] += rows
    plan.marts_from = f"{min(starts):%Y-%m}" if starts else None
    return plan


@dataclass
class _DatasetPlan:
    """One dataset's part of a plan: loaded into the scratch database, then told partition by partition."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    contract: SourceContract
    before: Held
    pending: Pending
    remove_missing: bool
    failed: dict[date, tuple[str, str]] = field(default_factory=dict)
    """State and sentence of the partitions that would not load."""

    @property
    def replaced(self) -> list[date]:
        """The partitions whose rows the load would replace or take out."""
        gone = self.pending.missing if self.remove_missing else []
        return [*(day for day in self.pending.changed if day not in self.failed), *gone]

    def load(self) -> list[str]:
        """Load into the scratch database; returns the sentences at which the load itself would stop."""
        if self.remove_missing and self.pending.missing:
            require_landing_folder(self.settings, self.contract)
        try:
            columns = raw_columns(self.contract)
            if not self.before.is_empty:  # an empty table takes other types
                check_types(self.contract.name, columns, self.before.types)
        except LoadError as error:
            self.failed = dict.fromkeys(self.pending.changed, ("rejected", str(error)))
            return [str(error)]
        problems: list[str] = []
        files = self._inspected(problems)
        if not files:
            return problems
        try:
            self._load(files)
        except (LoadError, FileRefusedError) as error:
            if (storage := explained(self.settings, error)) is not None:
                raise storage from error  # a full disk is not the files' fault
            problems.append(str(error))
            for day in sorted({f.file.partition_date for f in files}):
                try:
                    self._load([f for f in files if f.file.partition_date == day])
                except (LoadError, FileRefusedError) as of_day:
                    state = "refused" if isinstance(of_day, FileRefusedError) else "rejected"
                    self.failed[day] = (state, str(of_day))
        return problems

    def reuse_problems(self, difference: Difference) -> list[str]:
        """The sentence at which the load would stop over keys that rows of the warehouse have for something else."""
        rate = tolerated_rate(self.contract, self.settings)
        failed = [(day, n, keyed) for day, n, keyed in difference.reused if n > keyed * rate]
        if not failed or any(state == "rejected" for state, _ in self.failed.values()):
            return []
        sentence = too_many_reused(self.contract, rate, failed)
        self.failed |= dict.fromkeys(self.pending.changed.keys() - self.failed.keys(), ("rejected", sentence))
        return [sentence]

    def _load(self, files: Sequence[Inspected]) -> None:
        load_partitions(PartitionLoad(self.connection, self.settings, self.contract, _PLAN, files))

    def _inspected(self, problems: list[str]) -> list[Inspected]:
        """The files of the partitions of which none is refused."""
        files: list[LandingFile] = self.pending.files
        try:
            return check_files(self.connection, _PLAN, self.contract, files)
        except LandingError as error:
            problems.append(str(error))
        refused = self.connection.execute(
            "SELECT partition_date, string_agg(message, chr(10) ORDER BY path) FROM ops.files "
            "WHERE dataset = ? AND status = 'refused' GROUP BY ALL",
            [self.contract.name],
        ).fetchall()
        self.failed |= {day: ("refused", sentences) for day, sentences in refused}
        good = [f for f in files if f.partition_date not in self.failed]
        return check_files(self.connection, _PLAN, self.contract, good)

    def partitions(self, difference: Difference) -> list[PartitionPlan]:
        """The dataset's partitions in the range, in date order."""
        scratch = held_in(self.connection, own_catalog(self.connection), self.contract).partitions
        every = [*self.pending.changed, *self.pending.unchanged, *self.pending.missing]
        plans = []
        for day in sorted(every):
            held = self.before.partitions.get(day)
            files = len(self.pending.changed.get(day, held.versions if held else ()))
            plan = PartitionPlan(self.contract.name, day, "unchanged", files)
            if held is not None:
                plan.rows_now = plan.rows_after = held.rows
                _copy_counts(held, plan)
            if day in self.pending.missing:
                plan.files = 0
                self._tell_missing(plan)
            elif day in self.failed:
                plan.state, plan.message = self.failed[day]
            elif day in self.pending.changed:
                after = scratch[day]
                plan.rows_after = after.rows
                _copy_counts(after, plan)
                plan.state = "new" if held is None else "changed"
                if plan.state == "changed" and day not in difference.partitions:
                    plan.state, plan.message = "unchanged", "is loaded again, with the same rows"
            for what, rows in difference.partitions.get(day, {}).items():
                setattr(plan, what, rows)
            plans.append(plan)
        return plans

    def _tell_missing(self, plan: PartitionPlan) -> None:
        plan.state = "missing"
        if self.remove_missing:
            plan.rows_after = 0
            _copy_counts(HeldPartition(), plan)
            plan.message = "its landing files are gone; its rows are taken out"
        else:
            plan.message = "its landing files are gone; it keeps its rows (--remove-missing takes them out)"


def _copy_counts(held: HeldPartition, plan: PartitionPlan) -> None:
    for name in ("quarantined", "rejected", "ignored", "duplicates"):
        setattr(plan, name, getattr(held, name))


def left_by_killed(settings: Settings) -> Iterator[Path]:
    """Scratch folders of plans that were killed, to be removed: rows as they landed are in them.

    The caller holds the warehouse's lock; a folder that a plan works in is left out.
    """
    for left in settings.var.glob("plan-*"):
        with suppress(Timeout), FileLock(left / "lock", timeout=0, mode=LOCK_MODE):
            yield left


@contextmanager
def _scratch(settings: Settings, say: Callable[[str], None] | None) -> Iterator[Path]:
    """A temporary folder below `var/`; what killed plans left behind goes on the way."""
    with warehouse_lock(settings, _PLAN, _PLAN, on_wait=say):  # one at a time decides what is in use
        for left in left_by_killed(settings):
            shutil.rmtree(left)
        folder = Path(tempfile.mkdtemp(prefix="plan-", dir=settings.var))
        in_use = FileLock(folder / "lock", mode=LOCK_MODE)
        in_use.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        in_use.release()
