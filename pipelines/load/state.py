"""What is being loaded: some partitions of one dataset, their files, and what became of their rows so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.contracts import LOAD_COLUMNS
from pipelines.load.tables import raw_columns
from pipelines.quoting import ident

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.land import Inspected
    from pipelines.settings import Settings


@dataclass
class FileCount:
    """What became of one file's rows."""

    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    rejected: int = 0
    ignored: int = 0
    erased: int = 0


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
    rejected: int = 0
    """Rows that `rejectIf` names; they stand in quarantine and count against no tolerance."""
    ignored: int = 0
    """Rows that `ignoreIf` names; they stand nowhere."""
    erased: int = 0
    """Rows of customers who were forgotten, taken out of their files before these were read."""
    reused: int = 0
    """Rows whose key an earlier row of another customer or business date has; they are loaded, or duplicates."""
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


@dataclass(frozen=True)
class Order:
    """What is to be loaded of one dataset."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    contract: SourceContract
    run_id: str
    files: Sequence[LandingFile]
    """All files of the partitions, in the order of their dates."""
    gone: Sequence[date] = ()
    """Partitions without a file any more, to be emptied."""
    erased: Mapping[Path, int] = field(default_factory=dict)
    """By file, the rows of forgotten customers that were taken out of it."""


@dataclass
class PartitionLoad:
    """One load of some partitions of one dataset: what its steps share. `partitions.load_partitions` does it."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    contract: SourceContract
    run_id: str
    files: Sequence[Inspected]
    """All the files of the partitions."""
    gone: Sequence[date] = ()
    """Partitions without a file any more, to be emptied."""
    erased: Mapping[Path, int] = field(default_factory=dict)
    """By file, the rows of forgotten customers that were taken out of it."""

    def __post_init__(self) -> None:
        """Work out the names that the SQL needs."""
        self.name = self.contract.name
        self.table = f"raw.{ident(self.name)}"
        self.quarantine = f"quarantine.{ident(self.name)}"
        own = {c.name for c in self.contract.columns} | set(LOAD_COLUMNS)
        self.columns = [ident(name) for name, _ in raw_columns(self.contract) if name in own]
        self.days = sorted({f.file.partition_date for f in self.files})
        self.here = "partition_date IN (SELECT partition_date FROM touched_partitions)"
        """SQL: a row is of one of these partitions."""
        self.loaded_here = self.here
        """The same after they were cleared: cheaper where the table holds nothing else."""
        self.counts: dict[str, FileCount] = {}
        """By file id."""
        self.careful: set[int] = set()
        """Places of the files that are read row by row."""
        self.reused = 0
        """Rows of these partitions' keys whose key an earlier row has for something else."""
        self.sums: dict[str, dict[str, Decimal | None]] = {}
        """By file id and column, the sums over all rows of controlled files that were read carefully; None: not readable."""
