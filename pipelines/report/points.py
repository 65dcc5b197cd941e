"""Charts of points: when those outstanding expire, and the revenue that is owed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.limits import MONTHS
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
    months = [row["expiry_month"] for row in rows]
    bars = style.bar(
        x=list(range(min(MONTHS, len(rows)))),
        y=[row["points"] for row in rows[:MONTHS]],
        marker={"color": [style.ORANGE, *[style.BLUE] * (len(rows) - 1)][:MONTHS]},
        customdata=[texts.number(row["points"]) for row in rows[:MONTHS]],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = style.figure(
        [bars],
        height=300,
        showlegend=False,
        xaxis=axes.months(months[:MONTHS], texts, title=texts("ageing.x")),
        yaxis=axes.counts(
            0, max(row["points"] for row in rows[:MONTHS]), texts, title=texts("points.points")
        ),
    )
    table = Table(
        tuple(texts(name) for name in ("ageing.x", "points.points", "points.value")),
        [
            (texts.month_in_table(month), texts.number(row["points"]), texts.number(row["value"]))
            for month, row in zip(months, rows, strict=True)
        ],
    )
    outstanding, value = sum(row["points"] for row in rows), _sum(rows, "value")
    finding = texts(
        "ageing.finding" if value is not None else "ageing.finding_without_value",
        points=texts.number(outstanding),
        value=texts.number(value),
        currency=night.currency,
        next=texts.number(rows[0]["points"]),
        share=style.percent(rows[0]["points"] / outstanding, 0),
        month=texts.month(months[0]),
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
    months = [row["month"] for row in rows]
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
                texts.month_in_table(month),
                *(texts.number(row[name]) for name in ("earned", "redeemed", "expired", "closing")),
                *(texts.number(row[name]) for name in ("recognised", "deferred")),
            )
            for month, row in reversed(list(zip(months, rows, strict=True)))
        ],
    )
    if all(row["deferred"] is None for row in rows):
        return Chart(
            "liability", title, why_not=(texts("liability.no_value"),), table=table, rests_on=_RESTS_ON
        )
    bars = [
        style.bar(
            name=texts(f"liability.{name}"),
            x=list(range(len(rows))),
            y=[row[name] for row in rows],
            marker={"color": colour},
            customdata=[texts.number(row[name]) for row in rows],
            hovertemplate="%{customdata}",
        )
        for name, colour in (("deferred", style.BLUE), ("recognised", style.GREEN))
    ]
    amounts = [row[name] for row in rows for name in ("deferred", "recognised") if row[name] is not None]
    figure = style.figure(
        bars,
        height=320,
        barmode="group",
        xaxis=axes.months(months, texts),
        yaxis=axes.counts(
            min(amounts), max(amounts), texts, title=night.currency, zeroline=True, zerolinecolor="#8a9099"
        ),
    )
    last = rows[-1]
    finding = texts(
        "liability.finding",
        month=night.month_of([last], texts),
        deferred=texts.number(last["deferred"]),
        recognised=texts.number(last["recognised"]),
        currency=night.currency,
        points=texts.number(last["closing"]),
    )
    read, alt = texts("liability.read"), texts("liability.alt")
    return Chart("liability", title, read, alt, figure, table=table, finding=finding, rests_on=_RESTS_ON)


def _nothing(night: Night, texts: Texts) -> str:
    """Why no points are outstanding: there never were any, or all are gone."""
    return texts("ageing.spent") if night.rows["liability"] else texts("points.off")


def _sum(rows: list[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) if values else None
