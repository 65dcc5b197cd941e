"""Tells of what happened: looks what of it the deployment wants told, and sends that. Raises nothing over a run's own error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelines.alerts import events
from pipelines.alerts.addresses import require_addresses
from pipelines.alerts.facts import quarantined, warned
from pipelines.alerts.published import published
from pipelines.alerts.send import Delivery, send
from pipelines.warehouse.faults import message_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.alerts.facts import Outcome
    from pipelines.alerts.message import Message
    from pipelines.alerts.stale import Stale
    from pipelines.settings import Settings

log = logging.getLogger(__name__)


def tell_of_outcome(settings: Settings, outcome: Outcome, *earlier: str) -> list[Delivery]:
    """Tell what of a run is to be told: that it failed or published, what it set aside, which checks warn.

    Args:
        settings: The deployment.
        outcome: What became of the run.
        *earlier: Ids of runs that it began with, say of the history that was loaded first.
    """
    runs = [*earlier, outcome.run_id]

    def of_quarantine() -> Message | None:
        # Of a load that was refused for it, its own sentence says it all.
        refused = not (outcome.step and "failed" in settings.told)
        found = quarantined(settings, runs, refused=refused)
        return events.quarantined(settings, outcome, found) if found else None

    def of_warnings() -> Message | None:
        found = warned(settings, runs)
        return events.warned(settings, outcome, found) if found else None

    wanted: dict[str, Callable[[], Message | None]] = {
        "failed": lambda: events.failed(settings, outcome) if outcome.exit_code else None,
        "published": lambda: published(settings, outcome),
        "quarantined": of_quarantine,
        "warned": of_warnings,
    }
    messages = [_made(event, make) for event, make in wanted.items() if event in settings.told]
    return send(settings, [message for message in messages if message])


def _made(event: str, make: Callable[[], Message | None]) -> Message | None:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - the run's own outcome must stand, and other alerts be sent
        log.error("The alert %s could not be written: %s: %s", event, type(error).__name__, message_of(error))
        return None


def tell_stale(settings: Settings, found: Stale) -> list[Delivery]:
    """Tell that a night is missing, where that is to be told."""
    return send(settings, [events.stale(settings, found)]) if "stale" in settings.told else []


def tell_test(settings: Settings) -> list[Delivery]:
    """Send a message to every address, to see whether it arrives.

    Raises:
        SettingsError: there is no address, or Apprise cannot read one.
    """
    require_addresses(settings)
    return send(settings, [events.test(settings)])
