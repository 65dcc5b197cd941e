"""Where alerts go: Apprise's addresses, which are secrets. They are spoken of by number and kind alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pipelines.errors import SettingsError
from pipelines.showing import HIDDEN, cut, on_one_line

if TYPE_CHECKING:
    from pipelines.settings import Settings

_SAID_CHARACTERS = 300
_SHORTEST_SECRET = 4
"""A part of an address with fewer characters stands in any text."""


@dataclass(frozen=True)
class Address:
    """One address, by its place in the setting."""

    number: int
    url: str
    plugin: Any
    """Apprise's plugin for it; None where Apprise knows none."""

    @property
    def scheme(self) -> str:
        """What it begins with, say `dingtalk`; of an address as its service shows it, what Apprise takes it for."""
        scheme = self.url.partition("://")[0].lower()
        known = self.plugin.secure_protocol if self.plugin and scheme == "https" else scheme
        return str(known[0] if isinstance(known, tuple) else known)

    @property
    def kind(self) -> str:
        """What is said of it: never more, as the rest is the secret."""
        return f"address {self.number} ({self.scheme}://…)"

    def without_secrets(self, text: str) -> str:
        """The text on one line, without any part of the address but its kind."""
        parts = {
            part
            for piece in re.split(r"[/?&=@:#,;]+", self.url.partition("://")[2])
            for part in (piece, unquote(piece))
        }
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, HIDDEN)
        return cut(on_one_line(text), _SAID_CHARACTERS)


def addresses(settings: Settings) -> list[Address]:
    """The addresses of the setting, each with the plugin that Apprise has for it."""
    from pipelines.alerts.quiet import quiet_apprise

    apprise = quiet_apprise()
    asset = apprise.AppriseAsset(app_id="Mainstay", app_desc="Mainstay", async_mode=False)
    return [
        Address(number, url, apprise.Apprise.instantiate(url, asset=asset))
        for number, url in enumerate(settings.notify_addresses, start=1)
    ]


def require_addresses(settings: Settings) -> list[Address]:
    """The addresses, each of them known to Apprise.

    Raises:
        SettingsError: there is none, or Apprise cannot read one.
    """
    found = addresses(settings)
    if not found:
        raise SettingsError(
            "nobody is told: MAINSTAY_NOTIFY_URLS is not set; give it one or more Apprise addresses (docs/alerts.md)"
        )
    if unknown := [address.kind for address in found if address.plugin is None]:
        raise SettingsError(f"MAINSTAY_NOTIFY_URLS: {unreadable(unknown)}")
    return found


def unreadable(kinds: list[str]) -> str:
    """What is said of addresses that Apprise cannot read."""
    return (
        f"{', '.join(kinds)} cannot be read: the kind is unknown, or a part of it is missing; docs/alerts.md has a line "
        "for each service"
    )
