"""What all charts share: what a chart is, its colours and look, and figures that every language writes alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.report import axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.report.heat import Heat
    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

BLUE, ORANGE, GREEN, GREY = "#3b6ea5", "#d9822b", "#4f9a6b", "#b8bec6"
GROUPS = (BLUE, ORANGE, GREEN, "#a05195", "#c44e52", "#6b6f76", "#8c6d31", "#17a2b8")

Trace = dict[str, Any]
"""A part of a figure that has a legend of its own, as plotly.js takes it."""

Figure = dict[str, Any]
"""What plotly.js draws: `data`, the traces, and `layout`."""


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
    figure: Figure | None = None
    heat: Heat | None = None
    """A heat map that stands in the figure's place."""
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


def percent(value: float | None, digits: int = 1) -> str:
    """A share for a person."""
    return "–" if value is None else f"{value:.{digits}%}"


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


def span(low: float, high: float, show: Callable[[float], str], texts: Texts) -> str:
    """An interval in words."""
    return texts("interval", low=show(low), high=show(high))


def bar(**options: Any) -> Trace:
    """Bars; the options are those of plotly.js."""
    return {"type": "bar", **options}


def scatter(**options: Any) -> Trace:
    """Points, lines, or both; the options are those of plotly.js."""
    return {"type": "scatter", **options}


def band(
    x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None], colour: str, **both: Any
) -> list[Trace]:
    """An interval around a line, from bound to bound, with an edge on both sides so that it is seen on paper too."""
    common = {
        **{"x": list(x), "mode": "lines", "hoverinfo": "skip", "showlegend": False},
        **both,
        "line": {"width": 0.5, "color": colour, **both.get("line", {})},
    }
    red, green, blue = bytes.fromhex(colour[1:])
    ground = {"fill": "tonexty", "fillcolor": f"rgba({red}, {green}, {blue}, 0.2)"}
    return [scatter(**common, y=list(high)), scatter(**common, y=list(low), **ground)]


def figure(traces: Sequence[Trace], *, height: int, **layout: Any) -> Figure:
    """A figure in the page's look; its width is the page's."""
    look = {
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
    return {"data": list(traces), "layout": look | {"margin": margin} | layout}


def tier_shares(
    night: Night,
    codes: Sequence[str],
    parts: Sequence[tuple[str, str, Mapping[str, int]]],
    texts: Texts,
    *,
    wholes: Mapping[str, int],
    height: int,
    said: Sequence[str] = (),
) -> Figure:
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
        bar(
            name=name,
            x=share,
            y=list(range(len(codes))),
            orientation="h",
            marker={"color": colour},
            text=[percent(each, 0) if each >= 0.08 else "" for each in share],
            customdata=[texts.number(counts.get(code, 0)) for code in codes],
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
        xaxis=axes.axis(tickformat=".0%", range=[0, 1], showgrid=False),
        yaxis=axes.tiers(night, codes, texts),
        **(axes.beside(said) if said else {}),
    )
