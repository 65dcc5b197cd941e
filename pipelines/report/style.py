"""What all charts share: what a chart is, its colours and axes, and texts that plotly shows as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

BLUE, ORANGE, GREEN, GREY = "#3b6ea5", "#d9822b", "#4f9a6b", "#b8bec6"
GROUPS = (BLUE, ORANGE, GREEN, "#a05195", "#c44e52", "#6b6f76", "#8c6d31", "#17a2b8")
HEAT = [[0.0, "#f4f7fb"], [0.25, "#c9dbee"], [0.5, "#8db4d9"], [0.75, "#4a82b8"], [1.0, "#1d4f86"]]

_LONGEST_LABEL = 20


@dataclass(frozen=True)
class Table:
    """A small table of figures, ready to be shown."""

    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    title: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart with what stands around it, or the sentence why there is none."""

    key: str
    title: str
    read: str = ""
    alt: str = ""
    figure: go.Figure | None = None
    why_not: tuple[str, ...] = ()
    table: Table | None = None
    finding: str = ""
    """What the figures say this night, before how to read them."""
    rests_on: tuple[str, ...] = ()
    """Parts of the data, as `simulated_parts` names them, that make this made up if they are."""
    warnings: tuple[str, ...] = ()
    """What nobody may overlook who quotes the figures."""


def missing(key: str, title: str, mart: str, rows: Rows | None, texts: Texts) -> Chart:
    """The chart of a mart that this night has not, or has without a row."""
    reason = texts("missing.mart", mart=mart) if rows is None else texts("missing.empty")
    return Chart(key, title, why_not=(reason,))


def no_feedback(key: str, title: str, mart: str, rows: Rows | None, texts: Texts) -> Chart:
    """The chart of a mart that rests on feedback, where there is none."""
    return (
        missing(key, title, mart, rows, texts)
        if rows is None
        else Chart(key, title, why_not=(texts("missing.feedback"),))
    )


def plain(text: str) -> str:
    """A text of the data as plotly shows it letter by letter: it takes some tags and entities for markup."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def short(text: str) -> str:
    """`plain`, cut to what an axis has room for; the tables have it whole."""
    text = " ".join(text.split())
    return plain(text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…")


def tier_labels(night: Night, codes: Sequence[str], texts: Texts) -> list[str]:
    """The tiers' labels for an axis."""
    return [short(night.tiers.label(code, texts)) for code in codes]


def percent(value: float | None, digits: int = 1) -> str:
    """A share for a person."""
    return "–" if value is None else f"{value:.{digits}%}"


def money(value: float | None) -> str:
    """An amount in whole units, from ten million on in millions, so that a column stays narrow."""
    if value is None:
        return "–"
    return f"{value / 1e6:,.1f}M" if abs(value) >= 10_000_000 else f"{value:,.0f}"


def points(value: float | None) -> str:
    """A net promoter score as it is spoken of, -100 to +100."""
    return "–" if value is None else signed(100 * value, 0)


def signed(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A change or a difference, with a true minus sign and none before a nought."""
    if value is None:
        return "–"
    text = f"{abs(value):,.{digits}f}{unit}"
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def hours(value: float | None) -> str:
    """Hours for a person: with a decimal below ten."""
    return "–" if value is None else f"{value:,.{1 if value < 10 else 0}f}"


def span(low: float, high: float, show: Callable[[float], str], texts: Texts) -> str:
    """An interval in words."""
    return texts("interval", low=show(low), high=show(high))


def axis(**options: Any) -> dict[str, Any]:
    """An axis that stays where it is: a finger that moves across it scrolls the page."""
    title = {"title": {"text": plain(options.pop("title")), "standoff": 12}} if "title" in options else {}
    common = {"fixedrange": True, "automargin": True, "gridcolor": "#e6e9ee", "zeroline": False}
    return common | title | options


def ticks(labels: Sequence[str]) -> dict[str, Any]:
    """Labels at 0, 1, 2, …: equal labels stay apart, and what looks like a number or a date stays a text."""
    return {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": list(labels)}


def sparse(labels: Sequence[str], most: int = 5) -> dict[str, Any]:
    """`ticks` with no more labels than a phone has room for, the last one among them."""
    step = max(1, -(-len(labels) // most))
    shown = [n for n in range(len(labels)) if (len(labels) - 1 - n) % step == 0]
    return {"tickmode": "array", "tickvals": shown, "ticktext": [labels[n] for n in shown]}


def tier_axis(night: Night, codes: Sequence[str], texts: Texts) -> dict[str, Any]:
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


def figure(traces: Sequence[Any], *, height: int, **layout: Any) -> go.Figure:
    """A figure in the page's look; its width is the page's."""
    look = {
        "template": "none",
        "height": height,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#24292f"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "hoverlabel": {"font": {"size": 12}},
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "yanchor": "bottom",
            "y": 1.0,
            "x": 0,
            "xanchor": "left",
        },
    }
    margin = {"l": 8, "r": 12, "t": 12, "b": 8} | layout.pop("margin", {})
    # All at once: `update_layout` would take longer than all else about a page.
    return go.Figure(list(traces), layout=look | {"margin": margin} | layout)


def tier_shares(
    night: Night,
    codes: Sequence[str],
    parts: Sequence[tuple[str, str, Mapping[str, int]]],
    texts: Texts,
    *,
    wholes: Mapping[str, int],
    height: int,
    said: Sequence[str] = (),
) -> go.Figure:
    """A bar for each tier, the best one on top, in parts of its whole.

    Args:
        night: What is published.
        codes: The tiers, each with a whole above 0.
        parts: Name, colour, and the count by tier of each part.
        texts: The page's language.
        wholes: Each tier's count in all.
        height: Of what is not bars.
        said: A text to the right of each bar.
    """
    shares = [[counts.get(code, 0) / wholes[code] for code in codes] for _, _, counts in parts]
    bars = [
        go.Bar(
            name=name,
            x=share,
            y=list(range(len(codes))),
            orientation="h",
            marker_color=colour,
            text=[percent(each, 0) if each >= 0.08 else "" for each in share],
            customdata=[f"{counts.get(code, 0):,}" for code in codes],
            hovertemplate="%{customdata} (%{x:.1%})",
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
        )
        for (name, colour, counts), share in zip(parts, shares, strict=True)
    ]
    return figure(
        bars,
        height=height + 44 * len(codes),
        barmode="stack",
        bargap=0.2,
        xaxis=axis(tickformat=".0%", range=[0, 1], showgrid=False),
        yaxis=tier_axis(night, codes, texts),
        **(beside(said) if said else {}),
    )
