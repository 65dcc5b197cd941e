"""Reads named code blocks out of the documents, so that the tests run just what a reader sees."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = PROJECT / "docs" / "bring-your-own-data.md"

_BLOCK = re.compile(r"^<!-- (?P<mark>[^>]+?) -->\n```[a-z]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path, kind: str) -> list[tuple[str, str]]:
    """Name and text of the code blocks marked `<!-- kind: name -->`, in order; fails where there are none."""
    found = []
    for match in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        said, _, name = match["mark"].partition(": ")
        if said == kind:
            found.append((name, match["text"]))
    assert found, f"{path} has no block marked {kind}"
    return found


def fenced(path: Path, language: str) -> list[str]:
    """All code blocks in a language, marked or not."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
