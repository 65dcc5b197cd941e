"""Whether a night is missing: by a set hour yesterday is published, or the last day before it on which something is sold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from pipelines.publish import current

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings


@dataclass(frozen=True)
class Stale:
    """What should be published by now, and what is."""

    expected: date
    published: date | None
    version: str | None

    def in_words(self) -> str:
        """For logs and terminals, with the next steps."""
        has = (
            f"BI still has {self.published} ({self.version})"
            if self.published
            else "nothing is published yet"
        )
        return (
            f"the night of {self.expected} is not published: {has}. Look at `mainstay status` for a run that failed or still "
            f"writes, and whether the scheduler is up; then `mainstay nightly {self.expected}`"
        )


def find_stale(settings: Settings, now: datetime | None = None) -> Stale | None:
    """The night that is missing, or None where what should be published is.

    Args:
        settings: The deployment.
        now: The moment to ask for, with its zone; default: this one.

    Raises:
        PublishError: the serving file cannot be read.
    """
    local = (now or datetime.now(settings.zone)).astimezone(settings.zone)
    hour, minute = map(int, settings.notify_stale_after.split(":"))
    # Before that hour the night before last is what there can be.
    expected = local.date() - timedelta(days=1 if local.time() >= time(hour, minute) else 2)
    while expected in settings.closed and (local.date() - expected).days < _LONGEST_CLOSURE:
        expected -= timedelta(days=1)
    published = current(settings)
    if published is not None and published.as_of_date >= expected:
        return None
    return Stale(
        expected, published.as_of_date if published else None, published.version if published else None
    )


_LONGEST_CLOSURE = 400
"""Days after which closed days are looked past no further: a shop that is closed for good is asked about."""
