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


def edited(text: str, changes: str) -> str:
    """A text after a diff without line numbers: each part, divided by `@@`, names its place by the lines that it keeps.

    Fails where a part's old lines are not in the text just once.
    """
    for part in changes.split("@@\n"):
        lines = part.splitlines(keepends=True)
        assert {line[0] for line in lines} <= {" ", "+", "-", "\n"}, part
        old = "".join(line if line == "\n" else line[1:] for line in lines if line[0] != "+")
        new = "".join(line if line == "\n" else line[1:] for line in lines if line[0] != "-")
        assert text.count(old) == 1, f"{text.count(old)} places for this part of a diff:\n{part}"
        text = text.replace(old, new)
    return text
