"""A message: a title and plain text, in each language that is asked for, cut to what a service takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.alerts.words import spoken
from pipelines.showing import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.alerts.words import Words

SEVERITIES = {
    "failed": "failure",
    "stale": "failure",
    "quarantined": "warning",
    "warned": "warning",
    "published": "success",
    "test": "info",
}
"""Apprise's kind of message by event: services colour it."""

# What stands in a message comes from files and tables too, and Feishu, Slack and Teams read <…> as a mention or a link.
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›"})


@dataclass(frozen=True)
class Part:
    """One language's share of a message."""

    title: str
    lines: list[str]


@dataclass(frozen=True)
class Message:
    """What is sent of one event."""

    event: str
    title: str
    body: str
    ending: str
    """What stands at the end of a body that was cut."""

    @property
    def severity(self) -> str:
        """Apprise's kind of message."""
        return SEVERITIES[self.event]

    def fitted(self, title_limit: int, body_limit: int, *, in_bytes: bool) -> tuple[str, str]:
        """Title and body as the service takes them: where it has no titles or a longer one, that begins the body.

        Args:
            title_limit: Characters of a title; 0 where there is none.
            body_limit: Characters of a body, or bytes.
            in_bytes: Whether the service counts bytes of UTF-8.
        """
        title, body = self.title, self.body
        if len(title) > title_limit:
            title, body = "", f"{self.title}\n{body}"
        # The services that show both in one text count both.
        room = body_limit - _size(title, in_bytes=in_bytes) - 2
        if _size(body, in_bytes=in_bytes) <= room:
            return title, body
        ending = f"\n{self.ending}"
        room -= _size(ending, in_bytes=in_bytes)
        kept = body.encode()[:room].decode(errors="ignore") if in_bytes else body[:room]
        # At the end of a line, if there is one: half a figure would be a wrong one.
        return title, kept.rpartition("\n")[0].rstrip() + ending if "\n" in kept else kept + ending


def _size(text: str, *, in_bytes: bool) -> int:
    return len(text.encode()) if in_bytes else len(text)


def written(event: str, language: str, write: Callable[[Words], Part], said: str | None = None) -> Message:
    """An event in the languages that are asked for.

    Args:
        event: The event.
        language: The setting `notify_language`.
        write: Gives the title and the lines in one language.
        said: What has no language of its own, such as an error's sentence, and so stands once, before all else.
    """
    languages = spoken(language)
    parts = [write(words) for words in languages]
    body = "\n\n".join(filter(None, [said, *("\n".join(part.lines) for part in parts)]))
    # Robots of DingTalk and Feishu take what has their keyword in it: all alerts have this one.
    title = f"Mainstay: {' · '.join(part.title for part in parts)}"
    ending = " ".join(words("common.cut") for words in languages)
    return Message(event, _plain(title, keep=""), _plain(body, keep="\n"), ending)


def _plain(text: str, keep: str) -> str:
    return visible(text, keep).translate(_LOOKALIKES)
