"""Alerts: what people are told of a night without having to look, in words of both languages, through Apprise.

`facts` finds what of a run is worth telling, `events` and `published` put it into words, `addresses` reads where that goes and
`send` takes it there. An alert that does not arrive is logged, never raised: it must not hide what it is about.
"""

from __future__ import annotations

from pipelines.alerts.facts import Outcome
from pipelines.alerts.send import Delivery
from pipelines.alerts.stale import Stale, find_stale
from pipelines.alerts.tell import tell_of_outcome, tell_stale, tell_test

__all__ = ["Delivery", "Outcome", "Stale", "find_stale", "tell_of_outcome", "tell_stale", "tell_test"]
