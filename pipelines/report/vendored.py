"""The drawing library that stands in every page: kept here with its version, hash and licence, as nothing is downloaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "vendor"


@dataclass(frozen=True)
class Vendored:
    """A file that others wrote, as `vendor/<name>.json` describes it."""

    package: str
    """On the npm registry."""
    version: str
    file: str
    sha256: str
    licence: str
    """File with the licence's words."""

    @property
    def text(self) -> str:
        """The file."""
        return (_FOLDER / self.file).read_text("utf-8")


@cache
def plotly() -> Vendored:
    """plotly.js with bars, lines and points alone: with all its charts a page would be four times as large."""
    return Vendored(**json.loads((_FOLDER / "plotly-basic.json").read_text("utf-8")))
