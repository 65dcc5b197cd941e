"""Charts of what customers say, and of how soon they are answered."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.intervals import wilson
from pipelines.report.limits import MONTHS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Trace
    from pipelines.report.texts import Texts

_UPPER, _LOWER = [0.56, 1.0], [0.0, 0.44]
"""Places of two charts, one above the other, that share their months."""


def scores(night: Night, texts: Texts) -> Chart:
    """NPS and CSAT by month with their intervals."""
    title, found = texts("scores.title"), night.rows["voice"]
    rows = [row for row in (found or [])[-MONTHS:] if row["nps_answers"] or row["csat_answers"]]
    if not rows:
        return style.no_feedback("scores", title, "feedback_summary_monthly", found, texts)
    months = [row["month"] for row in rows]
    satisfied = [
        wilson(row["csat_satisfied"], row["csat_answers"]) if row["csat_answers"] else None for row in rows
    ]
    nps = [(row["nps"], row["nps_ci_low"], row["nps_ci_high"]) for row in rows]
    csat = [
        (row["csat_rate"], *(bounds or (None, None))) for row, bounds in zip(rows, satisfied, strict=True)
    ]
    figure = style.figure(
        [
            *_with_interval(
                [[scaled and 100 * scaled for scaled in line] for line in nps], style.BLUE, "y", ".0f"
            ),
            *_with_interval(csat, style.GREEN, "y2", ".0%"),
        ],
        height=420,
        showlegend=False,
        xaxis=axes.months(months, texts, anchor="y2"),
        yaxis=axes.axis(title=texts("scores.nps"), domain=_UPPER, zeroline=True, zerolinecolor="#8a9099"),
        yaxis2=axes.axis(title=texts("scores.csat"), domain=_LOWER, tickformat=".0%"),
    )
    table = Table(
        tuple(
            texts(f"scores.{name}")
            for name in ("month", "nps", "interval", "nps_answers", "csat", "interval", "csat_answers")
        ),
        [
            (
                texts.month_in_table(month),
                style.points(nps[n][0]),
                _span(nps[n], style.points, texts),
                texts.number(rows[n]["nps_answers"]),
                style.percent(csat[n][0]),
                _span(csat[n], style.percent, texts),
                texts.number(rows[n]["csat_answers"]),
            )
            for n, month in reversed(list(enumerate(months)))
        ],
    )
    return Chart(
        "scores",
        title,
        texts("scores.read"),
        texts("scores.alt"),
        figure,
        table=table,
        finding=_change(rows, texts),
        rests_on=("feedback",),
    )


def _change(rows: Rows, texts: Texts) -> str:
    """Whether the newest NPS differs from the first one shown by more than chance may make it."""
    known = [row for row in rows if row["nps"] is not None and row["is_complete_month"]]
    if len(known) < 2:
        return ""
    first, last = known[0], known[-1]
    apart = last["nps_ci_low"] > first["nps_ci_high"] or last["nps_ci_high"] < first["nps_ci_low"]
    return texts(
        "scores.apart" if apart else "scores.within",
        month=texts.month(last["month"]),
        nps=style.points(last["nps"]),
        interval=style.span(last["nps_ci_low"], last["nps_ci_high"], style.points, texts),
        before=texts.month(first["month"]),
        nps_before=style.points(first["nps"]),
    )


def _span(value: tuple[Any, ...], show: Any, texts: Texts) -> str:
    return "–" if value[1] is None or value[2] is None else style.span(value[1], value[2], show, texts)


def _with_interval(values: Any, colour: str, yaxis: str, shape: str) -> list[Trace]:
    """A line through the months' values, in the band of their intervals."""
    values = [
        value if value[0] is not None and value[1] is not None else (None, None, None) for value in values
    ]
    months = list(range(len(values)))
    line = style.scatter(
        x=months,
        y=[value for value, _, _ in values],
        mode="lines+markers",
        yaxis=yaxis,
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 7},
        hovertemplate=f"%{{y:{shape}}}<extra></extra>",
    )
    return [*_bands(values, colour, yaxis), line]


def _bands(values: Any, colour: str, yaxis: str) -> list[Trace]:
    """A band for each run of months that have an interval: across a gap it would promise what nobody asked."""
    bands: list[Trace] = []
    for is_known, run in groupby(enumerate(values), key=lambda item: item[1][0] is not None):
        if is_known:
            months, lows, highs = zip(*((n, low, high) for n, (_, low, high) in run), strict=True)
            if len(months) == 1:  # of one month a band has no width
                months, lows, highs = (months[0] - 0.1, months[0] + 0.1), lows * 2, highs * 2
            bands += style.band(months, lows, highs, colour, yaxis=yaxis)
    return bands


def care(night: Night, texts: Texts) -> Chart:
    """How long complaints and suggestions waited, and of how many complaints the customer was told the end."""
    title, found = texts("care.title"), night.rows["voice"]
    rows = [row for row in (found or [])[-MONTHS:] if row["complaints"] or row["suggestions"]]
    if not rows:
        return style.no_feedback("care", title, "feedback_summary_monthly", found, texts)
    months = [row["month"] for row in rows]
    lines = (
        ("response_hours_median", style.BLUE, "solid", "y"),
        ("response_hours_p90", style.BLUE, "dot", "y"),
        ("resolution_hours_median", style.ORANGE, "solid", "y"),
        ("loop_closed_rate", style.GREEN, "solid", "y2"),
        ("repeat_complaint_rate", style.GROUPS[4], "dash", "y2"),
    )
    traces = [
        style.scatter(
            name=texts(f"care.{name}"),
            x=list(range(len(rows))),
            y=[row[name] for row in rows],
            yaxis=yaxis,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 5},
            hovertemplate="%{y:.1%}" if yaxis == "y2" else "%{y:,.1f}",
        )
        for name, colour, dash, yaxis in lines
    ]
    figure = style.figure(
        traces,
        height=480,
        xaxis=axes.months(months, texts, anchor="y2"),
        yaxis=axes.axis(title=texts("care.hours"), domain=_UPPER, rangemode="tozero"),
        yaxis2=axes.axis(title=texts("care.rate"), domain=_LOWER, tickformat=".0%", rangemode="tozero"),
    )
    table = Table(
        (
            texts("column.month"),
            *(texts(f"care.{name}") for name in ("complaints", "suggestions", "responded")),
            *(texts(f"care.{name}") for name, *_ in lines[:3]),
            *(
                texts(f"care.{name}")
                for name in ("open_complaints", "loop_closed_rate", "repeat_complaint_rate")
            ),
        ),
        [
            (
                texts.month_in_table(month),
                *(texts.number(row[name]) for name in ("complaints", "suggestions", "responded")),
                *(texts.hours(row[name]) for name, *_ in lines[:3]),
                texts.number(row["open_complaints"]),
                *(style.percent(row[name]) for name in ("loop_closed_rate", "repeat_complaint_rate")),
            )
            for month, row in reversed(list(zip(months, rows, strict=True)))
        ],
    )
    last = next((row for row in reversed(rows) if row["is_complete_month"]), rows[-1])
    finding = texts(
        "care.finding",
        month=night.month_of([last], texts),
        hours=texts.hours(last["response_hours_median"]),
        p90=texts.hours(last["response_hours_p90"]),
        told=style.percent(last["loop_closed_rate"], 0),
        open=texts.number(last["open_complaints"]),
        complaints=texts.number(last["complaints"]),
    )
    read, alt = texts("care.read"), texts("care.alt")
    return Chart("care", title, read, alt, figure, table=table, finding=finding, rests_on=("feedback",))
