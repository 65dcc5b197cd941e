"""Axes of the charts, and the labels on them: texts that plotly shows as they are, figures as the language writes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

_LONGEST_LABEL = 20
_STEPS = 5
"""Lines of a grid: enough to read a bar by, few enough for a phone."""


def plain(text: str) -> str:
    """A text of the data as plotly shows it letter by letter: it takes some tags and entities for markup."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def short(text: str, longest: int = _LONGEST_LABEL) -> str:
    """`plain`, cut to what an axis has room for; the tables have it whole."""
    text = " ".join(text.split())
    return plain(text if len(text) <= longest else text[: longest - 1] + "…")


def tier_labels(night: Night, codes: Sequence[str], texts: Texts) -> list[str]:
    """The tiers' labels for an axis."""
    return [short(night.tiers.label(code, texts)) for code in codes]


def axis(**options: Any) -> dict[str, Any]:
    """An axis that stays where it is: a finger that moves across it scrolls the page."""
    title = {"title": {"text": plain(options.pop("title")), "standoff": 12}} if "title" in options else {}
    common = {"fixedrange": True, "automargin": True, "gridcolor": "#e6e9ee", "zeroline": False}
    return common | title | options


def ticks(labels: Sequence[str]) -> dict[str, Any]:
    """Labels at 0, 1, 2, …: equal labels stay apart, and what looks like a number or a date stays a text."""
    return {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": list(labels)}


def months(dates: Sequence[date], texts: Texts, most: int = 6, **options: Any) -> dict[str, Any]:
    """An axis of months at 0, 1, 2, … with no more labels than a phone has room for, the last one among them."""
    step = max(1, -(-len(dates) // most))
    shown = [n for n in range(len(dates)) if (len(dates) - 1 - n) % step == 0]
    labels = [texts.month_on_axis(dates[n]) for n in shown]
    return axis(tickmode="array", tickvals=shown, ticktext=labels, tickangle=0, showgrid=False, **options)


def counts(low: float, high: float, texts: Texts, **options: Any) -> dict[str, Any]:
    """An axis of counts or amounts from nought down to `low` and up to `high`, its figures as the language writes them."""
    low, high = min(low, 0), max(high, 0)
    rough = max((high - low) / _STEPS, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    values = [n * step for n in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return axis(
        tickmode="array",
        tickvals=values,
        ticktext=[texts.number(value) for value in values],
        range=[values[0], values[-1] or step],
        **options,
    )


def tiers(night: Night, codes: Sequence[str], texts: Texts) -> dict[str, Any]:
    """An axis of tiers, the best one on top."""
    return axis(**ticks(tier_labels(night, codes, texts)), showgrid=False, range=[len(codes) - 0.5, -0.5])


def beside(labels: Sequence[str]) -> dict[str, Any]:
    """Texts to the right of bars 0, 1, 2, …, and the margin that they need."""
    place = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "showarrow": False}
    wide = max((sum(1 if ord(letter) < 0x2E80 else 2 for letter in label) for label in labels), default=0)
    return {
        "margin": {"r": 30 + 7 * wide},
        "annotations": [{**place, "y": n, "text": text} for n, text in enumerate(labels)],
    }
