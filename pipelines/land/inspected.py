"""What a look at a landing file found, and the one sentence with which a file is refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.errors import FileRefusedError

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from pipelines.contracts import LandingFile


@dataclass(frozen=True)
class Control:
    """What the source says of a file, in another beside it: see `control`."""

    path: Path
    rows: int | None = None
    totals: dict[str, Decimal] = field(default_factory=dict)
    """Sums by column."""


@dataclass(frozen=True)
class Inspected:
    """A landing file that is what its contract says."""

    file: LandingFile
    size_bytes: int
    sha256: str
    is_gzip: bool
    header: tuple[str, ...]
    """Source column names as they stand in the file."""
    rows: int
    """Rows by physical count: lines for text (a quoted line break counts extra), the footer's count for Parquet."""
    drift: tuple[str, ...] = ()
    """Columns that the contract does not know."""
    types: dict[str, str] = field(default_factory=dict)
    """Parquet only: kind of each column (text, integer, number, boolean, date, timestamp, timestamptz)."""
    schema: str = ""
    """Parquet only: the exact types; only files with the same ones are read at once."""
    fitting: frozenset[str] = frozenset()
    """Parquet only: number columns whose type cannot hold more than the contract's; they need no check."""
    control: Control | None = None
    """What the source says of it, where it says so."""
    needs_care: bool = False
    """CSV only: it has blanks beside quotes, which DuckDB's reader drops and the careful way keeps."""

    @property
    def file_id(self) -> str:
        """Short id of this file with this content at this date."""
        basis = f"{self.file.dataset}|{self.file.partition_date}|{self.file.path}|{self.sha256}"
        return hashlib.sha256(basis.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def refuse(path: Path, expected: str, found: str) -> FileRefusedError:
    """The one sentence with which a file is refused whole."""
    return FileRefusedError(f"{path}: refused: expected {expected}, found {found}")
