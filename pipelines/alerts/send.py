"""Takes a message to every address at once, and says of each whether it arrived. Bounded in time, whatever a server does."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.alerts.addresses import addresses, unreadable
from pipelines.alerts.answers import fault, listening
from pipelines.alerts.quiet import hearing, quiet_apprise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.alerts.addresses import Address
    from pipelines.alerts.message import Message
    from pipelines.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 15.0
"""Longest that a night waits for all its alerts together."""

CONNECT_SECONDS = 10.0
"""Longest that a connection may take; an address can ask for less with `cto=`, and for an answer with `rto=`."""


@dataclass(frozen=True)
class Delivery:
    """What became of one message at one address."""

    event: str
    address: str
    """The address by number and kind, as it may be shown."""
    arrived: bool
    reason: str | None = None
    """Why it did not arrive."""

    def in_words(self) -> str:
        """For logs and terminals."""
        return f"the alert {self.event} " + (
            f"arrived at {self.address}"
            if self.arrived
            else f"did not arrive at {self.address}: {self.reason}"
        )


def send(settings: Settings, messages: Sequence[Message]) -> list[Delivery]:
    """Send the messages, log what became of each, and give that. Raises nothing."""
    try:
        deliveries = _sent(addresses(settings), messages) if messages and settings.notify_addresses else []
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here, what the alert is about must stand
        # The class alone: what it says may hold an address, which is a secret.
        deliveries = [Delivery(m.event, "any address", False, type(error).__name__) for m in messages]
    for delivery in deliveries:
        log.log(logging.INFO if delivery.arrived else logging.ERROR, "%s", delivery.in_words())
    return deliveries


def _sent(to: list[Address], messages: Sequence[Message]) -> list[Delivery]:
    """One thread for each address, so that a dead server holds up no other; they end with the process at the latest."""
    done: dict[tuple[int, str], Delivery] = {}

    def work(address: Address) -> None:
        for message in messages:
            done[address.number, message.event] = _deliver(address, message)

    threads = [threading.Thread(target=work, args=(address,), daemon=True) for address in to]
    deadline = time.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {PATIENCE_SECONDS:g} s"
    return [
        done.get((address.number, message.event), Delivery(message.event, address.kind, False, late))
        for address in to
        for message in messages
    ]


def _deliver(address: Address, message: Message) -> Delivery:
    def failed(reason: str) -> Delivery:
        return Delivery(message.event, address.kind, False, address.without_secrets(reason))

    if address.plugin is None:
        return Delivery(message.event, address.kind, False, unreadable([address.kind]))
    try:
        with listening() as heard, hearing() as said:
            is_taken = _notify(address, message)
        if (reason := fault(address.scheme, heard)) is not None:
            return failed(reason)
        return (
            Delivery(message.event, address.kind, True)
            if is_taken
            else failed("; ".join(said) or "Apprise gives no reason")
        )
    except Exception as error:  # noqa: BLE001 - a plugin's defect is a message that did not arrive
        return failed(type(error).__name__)


def _notify(address: Address, message: Message) -> bool:
    apprise, plugin = quiet_apprise(), address.plugin
    plugin.socket_connect_timeout = min(plugin.socket_connect_timeout, CONNECT_SECONDS)
    title, body = message.fitted(
        plugin.title_maxlen, plugin.body_maxlen, in_bytes=address.scheme == "wecombot"
    )
    # Not by an `Apprise` around it: that sends in a pool of its own, whose threads keep a process from ending.
    return bool(
        plugin.notify(
            body=body,
            title=title,
            notify_type=apprise.NotifyType(message.severity),
            # Plain text: what stands in a message comes from files and tables, and must be markup nowhere.
            body_format=apprise.NotifyFormat.TEXT,
        )
    )
