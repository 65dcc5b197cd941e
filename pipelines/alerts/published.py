"""The event `published` in words: the figures as the report's head has them, and what changed of what BI saw before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines.alerts.message import Message, Part, written
from pipelines.publish import current
from pipelines.report.header import Cell, figures
from pipelines.report.read import read_night
from pipelines.report.texts import Texts
from pipelines.warehouse.looking import briefly
from pipelines.warehouse.standing import simulated_parts

if TYPE_CHECKING:
    from pipelines.alerts.facts import Outcome
    from pipelines.alerts.words import Words
    from pipelines.report.read import Night
    from pipelines.settings import Settings

_MOVES = 4
"""Kinds of tier moves that are named, the most frequent first."""


def published(settings: Settings, outcome: Outcome) -> Message | None:
    """The published night; None where the run published nothing new, or another has published since."""
    summary, live = outcome.published or {}, current(settings)
    if summary.get("unchanged", True) or live is None or live.version != summary.get("version"):
        return None
    night, simulated = read_night(settings, live), simulated_parts(briefly(settings))

    def write(words: Words) -> Part:
        lines = [
            *_figures(night, simulated, words),
            *_changes(summary.get("changes"), night, words),
            words("published.version", version=live.version),
        ]
        if report := summary.get("report"):
            lines.append(words("published.report", place=report))
        if settings.bi_url:
            lines.append(words("published.dashboards", place=settings.bi_url))
        return Part(words("title.published", as_of=live.as_of_date), lines)

    return written("published", settings.notify_language, write)


def _figures(night: Night, simulated: list[str], words: Words) -> list[str]:
    """The last month's figures, each with the month before."""
    found = figures(night, Texts(words.language))
    if found.why_not:
        return [found.why_not]

    def shown(cell: Cell) -> str:
        return cell.value + (words("published.small", small=cell.small) if cell.small else "")

    lines = [words("published.month", month=found.months[0].value, currency=night.currency)]
    for line in found.lines:
        now, before = line.cells[:2]
        title = line.title + (words("published.made_up") if set(line.rests_on) & set(simulated) else "")
        text = words("published.figure", title=title, value=shown(now))
        if before.value != "–":
            text += words("published.before", month=found.months[1].value, value=shown(before))
        lines.append(text)
    return [*lines, *([found.today] if found.today else [])]


def _changes(changes: dict[str, Any] | None, night: Night, words: Words) -> list[str]:
    """Rows, tiers and revenue that are others than in the night before; `Changes.as_dict()` of `pipelines.publish`."""
    if changes is None:
        return []
    tables = changes["tables"]
    if changes["problem"]:
        return [words("published.not_compared")]
    if changes["before"] is None:
        rows = sum(table["rows_after"] for table in tables)
        return [words("published.first", marts=len(tables), rows=f"{rows:,}")]
    counts = {name: f"{sum(table[name] for table in tables):,}" for name in ("added", "removed", "changed")}
    marts = sum(table["status"] != "same" for table in tables)
    since = words(
        "published.since", as_of_before=changes["as_of_before"], marts=marts, all=len(tables), **counts
    )
    return [since, *_moves(changes["tiers_moved"], night, words), _revenue(changes, night.currency, words)]


def _moves(moves: list[dict[str, Any]], night: Night, words: Words) -> list[str]:
    if not moves:
        return [words("published.no_move")]
    most = sorted(moves, key=lambda move: -move["customers"])
    lines = []
    for move in most[:_MOVES]:
        months = [f"{date.fromisoformat(move[name]):%Y-%m}" for name in ("first_month", "last_month")]
        texts = Texts(words.language)
        tiers = {name: night.tiers.label(move[name] or "–", texts) for name in ("from_tier", "to_tier")}
        shown = "–".join(dict.fromkeys(months))
        lines.append(words("published.move", customers=f"{move['customers']:,}", months=shown, **tiers))
    if len(most) > _MOVES:
        lines.append(words("published.more_moves", count=len(most) - _MOVES))
    return lines


def _revenue(changes: dict[str, Any], currency: str, words: Words) -> str:
    total = changes["revenue_total"]
    if total is None:
        return words("published.no_revenue")
    difference = f"{Decimal(total['difference']):+,f}"
    months = len(changes["revenue_restated"])
    return words("published.revenue", difference=difference, currency=currency, months=months)
