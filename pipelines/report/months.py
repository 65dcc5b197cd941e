"""How months are drawn: parts of each as bars one upon the other, or a line for each part; and the table of both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.limits import MONTHS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Figure
    from pipelines.report.texts import Texts

_LEGEND = 32
"""Letters that a legend has room for on a phone, where the names stand one below the other."""

Months = dict["date", Counter[str]]
"""By month, the amount of each part."""


@dataclass(frozen=True)
class Part:
    """What a month consists of: its code in the rows, its name, its colour, and whether it is drawn below the line."""

    key: str
    name: str
    colour: str
    sign: int = 1


def by_month(rows: Rows | None) -> Months:
    """Rows of `month`, `part` and `amount`, the newest months that a phone can show."""
    months: Months = {}
    for row in rows or []:
        months.setdefault(row["month"], Counter())[row["part"]] = row["amount"]
    return dict(sorted(months.items())[-MONTHS:])


def bars(
    key: str,
    mart: str,
    months: Months,
    parts: list[Part],
    night: Night,
    texts: Texts,
    *,
    are_shares: bool = False,
    rests_on: tuple[str, ...] = (),
) -> Chart:
    """A bar for each month in its parts, as counts or as shares of the month."""
    if len(months) < 2:
        return _too_early(key, mart, night, texts, rests_on)
    # A part that no month has needs neither a colour nor a column.
    parts = [part for part in parts if any(counts[part.key] for counts in months.values())]
    wholes = [sum(counts[part.key] for part in parts) or 1 for counts in months.values()]
    traces = []
    for part in parts:
        amounts = [counts[part.key] for counts in months.values()]
        shares = [amount / whole for amount, whole in zip(amounts, wholes, strict=True)]
        said = [
            f"{texts.number(amount)} ({style.percent(share, 0)})" if are_shares else texts.number(amount)
            for amount, share in zip(amounts, shares, strict=True)
        ]
        traces.append(
            style.bar(
                name=axes.short(part.name, _LEGEND),
                x=list(range(len(months))),
                y=[part.sign * y for y in ([round(share, 4) for share in shares] if are_shares else amounts)],
                marker={"color": part.colour},
                customdata=said,
                hovertemplate="%{customdata}",
            )
        )
    if are_shares:
        yaxis = axes.axis(tickformat=".0%", range=[0, 1])
    else:
        sums = [[sum(c[p.key] for p in parts if p.sign == sign) for c in months.values()] for sign in (-1, 1)]
        yaxis = axes.counts(-max(sums[0]), max(sums[1]), texts, zeroline=True, zerolinecolor="#8a9099")
    figure = style.figure(
        traces,
        height=320,
        barmode="relative",
        bargap=0.2,
        xaxis=axes.months(list(months), texts),
        yaxis=yaxis,
    )
    return _chart(key, months, parts, texts, figure, texts.number, 0, rests_on)


def lines(
    key: str,
    mart: str,
    months: Months,
    parts: list[Part],
    night: Night,
    texts: Texts,
    *,
    say: Callable[[float | None], str],
    axis: dict[str, Any],
    rests_on: tuple[str, ...] = (),
    otherwise: float | None = None,
) -> Chart:
    """A line for each part; `otherwise` is what a part without a row has in a month."""
    if len(months) < 2:
        return _too_early(key, mart, night, texts, rests_on)
    figure = style.figure(
        [
            style.scatter(
                name=axes.short(part.name, _LEGEND),
                x=list(range(len(months))),
                y=[_rounded(counts.get(part.key, otherwise)) for counts in months.values()],
                mode="lines+markers",
                line={"color": part.colour, "width": 2},
                marker={"size": 6, "color": part.colour, "symbol": SYMBOLS[n % len(SYMBOLS)]},
                customdata=[_said(counts.get(part.key, otherwise), say) for counts in months.values()],
                hovertemplate="%{customdata}",
            )
            for n, part in enumerate(parts)
        ],
        height=320,
        xaxis=axes.months(list(months), texts),
        yaxis=axis,
    )
    return _chart(key, months, parts, texts, figure, say, otherwise, rests_on)


SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")
"""Points of several lines: not everyone tells colours apart."""


def _too_early(key: str, mart: str, night: Night, texts: Texts, rests_on: tuple[str, ...]) -> Chart:
    title, rows = texts(f"{key}.title"), night.rows[key]
    if rows:
        return Chart(key, title, why_not=(texts("missing.months"),), rests_on=rests_on)
    # What rests on feedback alone is missing for the reason that its whole chapter is.
    nothing = style.no_feedback if rests_on == ("feedback",) else style.missing
    return nothing(key, title, mart, rows, texts)


def _chart(
    key: str,
    months: Months,
    parts: list[Part],
    texts: Texts,
    figure: Figure,
    say: Callable[[float | None], str],
    otherwise: float | None,
    rests_on: tuple[str, ...],
) -> Chart:
    table = Table(
        (texts("column.month"), *(part.name for part in parts)),
        [
            (
                texts.month_in_table(month),
                *(_said(counts.get(part.key, otherwise), say) for part in parts),
            )
            for month, counts in reversed(months.items())
        ],
    )
    read, alt = texts(f"{key}.read"), texts(f"{key}.alt")
    return Chart(key, texts(f"{key}.title"), read, alt, figure, table=table, rests_on=rests_on)


def _said(value: float | None, say: Callable[[float | None], str]) -> str:
    return "–" if value is None else say(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
