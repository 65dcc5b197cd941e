"""The alerts' words: one catalogue per language in `texts/`, both with the same keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh-CN")

_FOLDER = Path(__file__).parent / "texts"


class Words:
    """One language's words; `words("a.key", name=…)` fills in names."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def __call__(self, key: str, **names: object) -> str:
        """The words of a key.

        Raises:
            KeyError: the catalogue has no such key, or the words ask for a name that is not given.
        """
        return self._catalogue[key].format(**names)

    def __contains__(self, key: str) -> bool:
        return key in self._catalogue


@cache
def catalogue(language: str) -> dict[str, str]:
    """A language's words by dotted key."""
    text = (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    return {
        f"{group}.{key}": str(words)
        for group, part in yaml.safe_load(text).items()
        for key, words in part.items()
    }


def spoken(language: str) -> list[Any]:
    """The words of each language that alerts are in, by the setting `notify_language`."""
    return [Words(name) for name in (LANGUAGES if language == "both" else (language,))]
