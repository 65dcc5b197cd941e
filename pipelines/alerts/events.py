"""The events in words: what happened, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.alerts.message import Message, Part, written

if TYPE_CHECKING:
    from pipelines.alerts.facts import Outcome, Quarantined, Warned
    from pipelines.alerts.stale import Stale
    from pipelines.alerts.words import Words
    from pipelines.settings import Settings

_SHOWN = 5
"""Dates or checks that a message names."""


def failed(settings: Settings, outcome: Outcome) -> Message:
    """A run that failed: at which step, why, and the usual way on."""

    def write(words: Words) -> Part:
        key = "title.failed" if outcome.step else "title.failed_whole"
        title = words(key, dag=outcome.dag_id, dates=outcome.dates, step=outcome.step or "")
        hint = f"hint.{outcome.exit_code}"
        kept = "failed.published" if outcome.published else "failed.kept"
        lines = [
            words(kept, run_id=outcome.run_id or "–"),
            words("failed.hint", code=outcome.exit_code, hint=words(hint if hint in words else "hint.1")),
        ]
        return Part(title, lines + ([words("failed.look", place=outcome.look_at)] if outcome.look_at else []))

    return written("failed", settings.notify_language, write, outcome.error)


def stale(settings: Settings, found: Stale) -> Message:
    """A night that is missing: since when, and the next steps."""

    def write(words: Words) -> Part:
        has = (
            words("stale.has", published=found.published, version=found.version)
            if found.published
            else words("stale.nothing")
        )
        lines = [has, words("stale.do", expected=found.expected)]
        return Part(words("title.stale", expected=found.expected), lines)

    return written("stale", settings.notify_language, write)


def quarantined(settings: Settings, outcome: Outcome, found: list[Quarantined]) -> Message:
    """Landing dates with many rows in quarantine: how many, and the most frequent reasons."""

    def write(words: Words) -> Part:
        lines: list[str] = []
        for one in found[:_SHOWN]:
            rate = f"{one.quarantined / one.rows_in:.2%}"
            lines.append(
                words(
                    "quarantined.date",
                    dataset=one.dataset,
                    day=one.day,
                    bad=f"{one.quarantined:,}",
                    rows=f"{one.rows_in:,}",
                    rate=rate,
                )
            )
            lines += [
                words("quarantined.reason", reason=reason, count=f"{count:,}")
                for reason, count in one.reasons
            ]
        if len(found) > _SHOWN:
            lines.append(words("quarantined.more", count=f"{len(found) - _SHOWN:,}"))
        bound = f"{settings.notify_quarantine_rate:.2%}"
        lines.append(words("quarantined.do", dataset=found[0].dataset, day=found[0].day, bound=bound))
        return Part(words("title.quarantined", dates=outcome.dates), lines)

    return written("quarantined", settings.notify_language, write)


def warned(settings: Settings, outcome: Outcome, found: list[Warned]) -> Message:
    """Checks that warn: how many, and which."""

    def write(words: Words) -> Part:
        lines = [words("warned.check", name=one.name) for one in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(words("warned.more", count=f"{len(found) - _SHOWN:,}"))
        lines.append(words("warned.do", run_id=outcome.run_id))
        return Part(words("title.warned", count=f"{len(found):,}", dates=outcome.dates), lines)

    return written("warned", settings.notify_language, write)


def test(settings: Settings) -> Message:
    """A message to try an address with."""

    def write(words: Words) -> Part:
        return Part(words("title.test"), [words("test.text", events=", ".join(sorted(settings.told)))])

    return written("test", settings.notify_language, write)
