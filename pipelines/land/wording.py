"""How the contract's column names stand in a sentence, and which found name was meant for which of them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from pipelines.showing import shown

if TYPE_CHECKING:
    from collections.abc import Sequence


def called(names: Sequence[str]) -> str:
    """The contract's names; in quotes only where they could be misread, so that the found ones stand out."""
    return ", ".join(name if name.isidentifier() else shown(name) for name in names)


def _folded(name: str) -> str:
    """A name without what the eye does not see: case, width, blanks and invisible characters."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in text if c.isprintable() and not c.isspace() and c not in "_-")


def almost(wanted: Sequence[str], found: Sequence[str]) -> str:
    """Says which of the found names are all but the wanted ones; empty where none is."""
    by_folded = {_folded(name): name for name in found if _folded(name)}
    pairs = [(by_folded[_folded(name)], name) for name in wanted if _folded(name) in by_folded]
    if not pairs:
        return ""
    pair, name = pairs[0]
    return f" ({shown(pair)} is all but {shown(name)}: physicalName must be the name to the letter)"
