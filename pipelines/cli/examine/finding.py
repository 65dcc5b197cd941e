"""What a look at one thing has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ok, warning or error, and what to do about it."""

    what: str
    state: str
    text: str
