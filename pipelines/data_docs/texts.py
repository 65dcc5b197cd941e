"""The words of the Data Docs: a catalogue for each language in `texts/`, all with the same keys."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh-CN")
"""Languages of the pages; the first one is the page without a suffix."""

_FOLDER = Path(__file__).parent / "texts"
_REASON = re.compile(r"(?s)([^:]+: )?(?:… )?(.*)")


class Texts:
    """One language's words."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = _read(f"{language}.yaml")

    def __call__(self, group: str, key: str, **names: object) -> str:
        """The words of a key, its names filled in.

        Raises:
            KeyError: the catalogue has no such key, or the words ask for a name that is not given.
        """
        return str(self._words[group][key]).format(**names)

    def plain(self, key: str, **names: object) -> str:
        """The words of a key that is in no group."""
        return str(self._words[key]).format(**names)

    def known(self, group: str, code: str) -> str:
        """The words of a code that the ledger gave, or the code itself."""
        return str(self._words[group].get(code, code))

    def reason(self, reason: str) -> str:
        """A reason of the loader, which tells them in English, in this language as far as it is known."""
        found = _REASON.fullmatch(reason)
        column, what = (found[1] or "", found[2]) if found else ("", reason)
        matches = ((re.fullmatch(pattern, what), words) for pattern, words in _reasons(self.language))
        said = next((match.expand(words) for match, words in matches if match), self.rule(what))
        return reason if said == what else f"{column.replace(': ', self.plain('colon'))}{said}"

    def rule(self, description: str) -> str:
        """A rule's sentence as its author wrote it, in this language if it is one of the shipped contracts'."""
        return str(_rules(self.language).get(description.strip(), description))


@cache
def _read(name: str) -> Any:
    return yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8"))


def _rules(language: str) -> dict[str, str]:
    path = _FOLDER / f"rules.{language}.yaml"
    return _read(path.name) if path.exists() else {}


def _reasons(language: str) -> list[list[str]]:
    path = _FOLDER / f"reasons.{language}.yaml"
    return _read(path.name) if path.exists() else []
