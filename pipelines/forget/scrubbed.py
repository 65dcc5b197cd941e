"""What was found of erased customers in landing files, for whoever erases what was loaded of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Scrubbed:
    """What was found in a dataset's landing files."""

    removed: dict[Path, int] = field(default_factory=dict)
    """By file, rows that went."""
    emptied: dict[Path, int] = field(default_factory=dict)
    """By file, rows that stay without a customer."""
    unread: list[Path] = field(default_factory=list)
    """Files that are not what their contract says, so that nobody knows whom their rows are about."""
    looked_into: set[str] = field(default_factory=set)
    """Ids of files in the ledger of which every row was looked at, those too that stand in quarantine."""
    texts: dict[str, set[str]] = field(default_factory=dict)
    """By such an id, the texts of the rows that went or were emptied; of those that broke the contract, quarantine has them."""

    @property
    def files(self) -> set[Path]:
        """The files that are, or would be, written anew."""
        return {*self.removed, *self.emptied}
