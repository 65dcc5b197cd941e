"""What others wrote and stands in every page is the very file that was taken in, with its licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipelines.report import vendored

FOLDER = Path(vendored.__file__).parent / "vendor"


def test_the_drawing_library_is_the_one_that_was_taken_in_and_says_so_itself() -> None:
    library = vendored.plotly()
    assert hashlib.sha256((FOLDER / library.file).read_bytes()).hexdigest() == library.sha256
    head = library.text[:400]
    assert f"plotly.js (basic - minified) v{library.version}" in head
    assert "Licensed under the MIT license" in head  # the page carries it
    assert (FOLDER / library.licence).read_text("utf-8").startswith("MIT License")


def test_nothing_else_is_vendored() -> None:
    library = vendored.plotly()
    assert {path.name for path in FOLDER.iterdir()} == {"plotly-basic.json", library.file, library.licence}
