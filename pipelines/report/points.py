"""Charts of points: when those outstanding expire, and the revenue that is owed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pipelines.report import style
from pipelines.report.programme_rows import MONTHS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

_RESTS_ON = ("redemptions",)


def ageing(night: Night, texts: Texts) -> Chart:
    """Points outstanding by the month at whose end they expire."""
    title, rows = texts("ageing.title"), night.rows["ageing"]
    if rows is None:
        return style.missing("ageing", title, "points_ageing", rows, texts)
    if not rows:
        return Chart("ageing", title, why_not=(_nothing(night, texts),))
    months = [f"{row['expiry_month']:%Y-%m}" for row in rows]
    bars = go.Bar(
        x=list(range(min(MONTHS, len(rows)))),
        y=[row["points"] for row in rows[:MONTHS]],
        marker_color=[style.ORANGE, *[style.BLUE] * (len(rows) - 1)][:MONTHS],
        hovertemplate="%{y:,}<extra></extra>",
    )
    figure = style.figure(
        [bars],
        height=300,
        showlegend=False,
        xaxis=style.axis(**style.sparse(months[:MONTHS]), title=texts("ageing.x"), showgrid=False),
        yaxis=style.axis(title=texts("points.points"), rangemode="tozero"),
    )
    table = Table(
        tuple(texts(name) for name in ("ageing.x", "points.points", "points.value")),
        [
            (month, f"{row['points']:,}", style.money(row["value"]))
            for month, row in zip(months, rows, strict=True)
        ],
    )
    outstanding, value = sum(row["points"] for row in rows), _sum(rows, "value")
    finding = texts(
        "ageing.finding" if value is not None else "ageing.finding_without_value",
        points=f"{outstanding:,}",
        value=style.money(value),
        currency=night.currency,
        next=f"{rows[0]['points']:,}",
        share=style.percent(rows[0]["points"] / outstanding, 0),
        month=months[0],
    )
    read, alt = texts("ageing.read"), texts("ageing.alt")
    return Chart("ageing", title, read, alt, figure, table=table, finding=finding, rests_on=_RESTS_ON)


def liability(night: Night, texts: Texts) -> Chart:
    """Revenue owed for points at each month's end, and what became revenue in the month."""
    title, rows = texts("liability.title"), night.rows["liability"]
    if rows is None:
        return style.missing("liability", title, "points_liability_monthly", rows, texts)
    if not rows:
        return Chart("liability", title, why_not=(texts("points.off"),))
    months = [f"{row['month']:%Y-%m}" for row in rows]
    table = Table(
        (
            texts("column.month"),
            *(
                texts(f"liability.{name}")
                for name in ("earned", "redeemed", "expired", "closing", "recognised", "deferred")
            ),
        ),
        [
            (
                month,
                *(f"{row[name]:,}" for name in ("earned", "redeemed", "expired", "closing")),
                *(style.money(row[name]) for name in ("recognised", "deferred")),
            )
            for month, row in reversed(list(zip(months, rows, strict=True)))
        ],
    )
    if all(row["deferred"] is None for row in rows):
        return Chart(
            "liability", title, why_not=(texts("liability.no_value"),), table=table, rests_on=_RESTS_ON
        )
    bars = [
        go.Bar(
            name=texts(f"liability.{name}"),
            x=list(range(len(rows))),
            y=[row[name] for row in rows],
            marker_color=colour,
            hovertemplate="%{y:,.0f}",
        )
        for name, colour in (("deferred", style.BLUE), ("recognised", style.GREEN))
    ]
    figure = style.figure(
        bars,
        height=320,
        barmode="group",
        xaxis=style.axis(**style.sparse(months), showgrid=False),
        yaxis=style.axis(title=night.currency, zeroline=True, zerolinecolor="#8a9099"),
    )
    last = rows[-1]
    finding = texts(
        "liability.finding",
        month=night.month_of([last], texts),
        deferred=style.money(last["deferred"]),
        recognised=style.money(last["recognised"]),
        currency=night.currency,
        points=f"{last['closing']:,}",
    )
    read, alt = texts("liability.read"), texts("liability.alt")
    return Chart("liability", title, read, alt, figure, table=table, finding=finding, rests_on=_RESTS_ON)


def _nothing(night: Night, texts: Texts) -> str:
    """Why no points are outstanding: there never were any, or all are gone."""
    return texts("ageing.spent") if night.rows["liability"] else texts("points.off")


def _sum(rows: list[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) if values else None
