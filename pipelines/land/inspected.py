"""What a look at a landing file found, and the one sentence with which a file is refused.

What stands where a header should be may be a row: a file without its header has a person in its first line. So of a
contract with personal columns only names that it knows are shown, and others where nothing beside them looks like data.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.errors import FileRefusedError, LandingError
from pipelines.land.opening import signature
from pipelines.showing import shown, visible, without_addresses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.land.opening import Signature


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
    """Parquet only: kind of each column (text, integer, decimal, double, float, boolean, date, timestamp, timestamptz)."""
    schema: str = ""
    """Parquet only: the exact types; only files with the same ones are read at once."""
    fitting: frozenset[str] = frozenset()
    """Parquet only: number columns whose type cannot hold more than the contract's; they need no check."""
    control: Control | None = None
    """What the source says of it, where it says so."""
    needs_care: bool = False
    """CSV only: not all of its lines are plain rows of one width, which DuckDB's reader would take too lightly."""
    width: int | None = None
    """CSV only: fields of a good row, empty ones at its end included; None where only a reading of all records tells."""
    header_width: int = 0
    """CSV only: fields of the header, empty ones at its end included."""
    lines_above: int = 0
    """CSV only: physical lines above the first row."""
    signature: Signature = ()
    """Of the file when the look at it began."""

    @property
    def file_id(self) -> str:
        """Short id of this file with this content at this date."""
        basis = f"{self.file.dataset}|{self.file.partition_date}|{self.file.path}|{self.sha256}"
        return hashlib.sha256(basis.encode()).hexdigest()[:16]

    def require_unchanged(self) -> None:
        """Make sure that the file is still the one that was looked at, so that checksum and rows are of one content.

        Raises:
            LandingError: it has changed since, or is gone.
        """
        try:
            found = None if signature(self.file.path) == self.signature else "that it changed"
        except OSError:
            found = "no such file any more"
        if found is not None:
            raise LandingError(
                f"{self.file.path}: refused: expected a file that stays as it is until it can be read to its end, "
                f"found {found} while it was loaded, and nothing of it was kept; let the export write under a name that "
                "ends in .tmp and rename it when done, then run again"
            )


def refuse(path: Path, expected: str, found: str) -> FileRefusedError:
    """The one sentence with which a file is refused whole."""
    return FileRefusedError(f"{visible(str(path))}: refused: expected {expected}, found {found}")


_A_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DIGITS = re.compile(r"\d{3}")
_SHOWN_NAMES = 30
NOT_SHOWN = "not shown, as the contract has personal columns"


def _unknown(names: Sequence[str], contract: SourceContract) -> tuple[tuple[str, ...], bool]:
    """The names that the contract does not know, and whether they may be shown."""
    unknown = contract.drift(names)
    is_header = len(unknown) < len(names) and all(
        _A_NAME.fullmatch(n) and not _DIGITS.search(n) for n in unknown
    )
    return unknown, is_header or not contract.has_personal


def may_show_name(name: str, contract: SourceContract) -> bool:
    """Whether a single name found in a file may be shown: it could be a value, where the contract does not know it."""
    return not contract.has_personal or name in {c.source_name for c in contract.source_columns}


def names_shown(names: Sequence[str], contract: SourceContract) -> str:
    """Columns found in a file, as they may stand in a message."""
    unknown, may_be_shown = _unknown(names, contract)
    said = [n for n in names if may_be_shown or n not in unknown]
    parts = [shown(n) for n in said[:_SHOWN_NAMES]]
    if len(said) > _SHOWN_NAMES:
        parts.append(f"{len(said) - _SHOWN_NAMES:,} more")
    if len(said) < len(names):
        parts.append(f"{len(names) - len(said):,} that the contract does not name ({NOT_SHOWN})")
    return ", ".join(parts)


def unknown_columns(names: Sequence[str], contract: SourceContract) -> tuple[str, ...]:
    """Columns that the contract does not know, as the ledger keeps them: by their places where a name may be a value."""
    unknown, may_be_shown = _unknown(names, contract)
    if may_be_shown:
        return tuple(without_addresses(name) for name in unknown)
    return tuple(f"column {place} ({NOT_SHOWN})" for place, n in enumerate(names, 1) if n in unknown)
