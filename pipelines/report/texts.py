"""The report's words: the catalogues of each language in `texts/`, all languages with the same keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh-CN")
"""Languages of the report; the first one is the page without a suffix."""

_FOLDER = Path(__file__).parent / "texts"


class Texts:
    """One language's words; `texts("a.key", name=…)` fills in names."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = words(language)

    def __call__(self, key: str, **names: object) -> str:
        """The words of a key.

        Raises:
            KeyError: the catalogue has no such key, or the words ask for a name that is not given.
        """
        return self._words[key].format(**names)

    def __contains__(self, key: str) -> bool:
        return key in self._words

    def known(self, key: str, otherwise: str) -> str:
        """The words of a key that data gave, or the data's own word for it."""
        return self._words.get(key, otherwise)


@cache
def words(language: str) -> dict[str, str]:
    """A language's words by dotted key.

    Raises:
        ValueError: two of its catalogues have words for the same key.
    """
    found: dict[str, str] = {}
    for path in (_FOLDER / f"{language}.yaml", *sorted(_FOLDER.glob(f"{language}.*.yaml"))):
        more = dict(_flat("", yaml.safe_load(path.read_text(encoding="utf-8"))))
        if twice := found.keys() & more.keys():
            raise ValueError(f"{path.name}: {', '.join(sorted(twice))} stand in another catalogue too")
        found |= more
    return found


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(prefix, str(value))]
    return [pair for key, item in value.items() for pair in _flat(f"{prefix}.{key}" if prefix else key, item)]
