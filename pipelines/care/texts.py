"""The list's words: one catalogue per language in `texts/`, both with the same keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh")
"""Languages of the list; the first one is the default."""

_FOLDER = Path(__file__).parent / "texts"


class Texts:
    """One language's words."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.words = _words(language)

    def __call__(self, group: str, key: str, **names: object) -> str:
        """The words of a key, its names filled in.

        Raises:
            KeyError: the catalogue has no such key, or the words ask for a name that is not given.
        """
        return str(self.words[group][key]).format(**names)

    def known(self, group: str, code: str | None) -> str:
        """The words of a code that data gave, or the data's own word for it."""
        return "" if code is None else str(self.words[group].get(code, code))

    def days(self, count: float) -> str:
        """So many days in words; halves of a median stay."""
        return self("days", "one" if count == 1 else "many", count=f"{count:,g}")


@cache
def _words(language: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(
        (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    )
    return found
