"""Charts of retention: cohorts, and survival curves."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.report import axes, style
from pipelines.report.heat import Heat, HeatCell, heat_cell
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from datetime import date

    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Trace
    from pipelines.report.texts import Texts

CURVES = ("gap", "time_to_second_purchase", "lifetime")
"""The survival curves that the report draws, each in a chart of its own."""

_TABLE_DAYS = (30, 90, 180, 365)
_FEW = 0.01
"""Survival below which a curve is not drawn on."""

_PIXEL = 0.004
"""A step of a curve that its chart's height can show; with smaller ones a page of years would be too large to mail."""


def cohorts(night: Night, texts: Texts) -> Chart:
    """Which share of each month's new customers buys again, month by month."""
    title, rows = texts("cohorts.title"), night.rows["cohorts"]
    if not rows:
        return style.missing("cohorts", title, "retention_cohorts_monthly", rows, texts)
    months = sorted({row["cohort_month"] for row in rows})
    rates = {(row["cohort_month"], row["months_since_first"]): row["retention_rate"] for row in rows}
    sizes = {row["cohort_month"]: row["cohort_size"] for row in rows}
    # Month 0 is 100 % for everyone and would take the colours from the rest.
    ages = list(range(1, max(row["months_since_first"] for row in rows) + 1))
    is_cut = rows[0]["cohorts"] > len(months)
    first = None if is_cut else months[0]
    highest = max((rate for (_, age), rate in rates.items() if age > 0), default=0) or 1

    def cell(month: date, age: int) -> HeatCell:
        rate = rates.get((month, age))
        return HeatCell() if rate is None else heat_cell(style.percent(rate, 0), rate / highest)

    def label(month: date) -> str:
        name = texts.month_in_table(month)
        return texts("cohorts.already_there", month=name) if month == first else name

    heat = Heat(
        (texts("cohorts.y"), texts("column.customers"), *map(str, ages)),
        [
            ((label(month), texts.number(sizes[month])), [cell(month, age) for age in ages])
            for month in months
        ],
        texts("cohorts.x"),
    )
    sentences = [
        texts("cohorts.read"),
        texts("cohorts.newest" if is_cut else "cohorts.all", count=len(months)),
    ]
    if first is not None:
        sentences.append(texts("cohorts.first", month=texts.month(first)))
    return Chart("cohorts", title, texts.sentences(*sentences), heat=heat)


def survival(night: Night, curve: str, texts: Texts) -> Chart:
    """A Kaplan-Meier curve for each group, with the 95 % interval around each."""
    key, title = f"survival_{curve}", texts(f"survival.{curve}.title")
    every = night.rows["survival"]
    rows = [row for row in every or [] if row["curve"] == curve]
    if not rows:
        return style.missing(key, title, "survival_curves", every, texts)
    groups = {name: list(lines) for name, lines in groupby(rows, key=lambda row: row["group_name"])}
    names = [*(["all"] if "all" in groups else []), *night.tiers.sorted(set(groups) - {"all"})]
    traces: list[Trace] = []
    for n, name in enumerate(names):
        lines = _visible(groups[name])
        # The whole lies between its parts: a band of its own would only cover theirs.
        is_whole = name == "all" and len(names) > 1
        colour = "#6b6f76" if is_whole else style.GROUPS[(n - 1 if len(names) > 1 else n) % len(style.GROUPS)]
        if not is_whole:
            traces += _band(lines, colour)
        dash = {"dash": "dot"} if is_whole else {}
        traces.append(_curve(lines, axes.short(night.tiers.label(name, texts)), colour, dash))
    last = max(lines[-1]["day"] for lines in groups.values())
    shown = max(_few_left(lines) for lines in groups.values())
    figure = style.figure(
        traces,
        height=360,
        showlegend=len(names) > 1,
        xaxis=axes.axis(title=texts("survival.days"), range=[0, max(shown, 1)]),
        yaxis=axes.axis(title=texts(f"survival.{curve}.y"), tickformat=".0%", range=[0, 1.02]),
    )
    table = Table(
        (texts("column.group"), *(texts("column.day_n", n=day) for day in _TABLE_DAYS)),
        [
            (night.tiers.label(name, texts), *(style.percent(_at(groups[name], day)) for day in _TABLE_DAYS))
            for name in names
        ],
    )
    sentences = [texts(f"survival.{curve}.read"), texts("survival.band")]
    if shown < last:
        sentences.append(texts("survival.cut", day=shown, share=style.percent(_FEW, 0)))
    return Chart(key, title, texts.sentences(*sentences), texts(f"survival.{curve}.alt"), figure, table=table)


def _few_left(rows: Rows) -> int:
    """The day at which so few are left that the rest of the curve is flat to the eye; else the last one."""
    return int(next((row["day"] for row in rows if row["survival"] < _FEW), rows[-1]["day"]))


def _visible(rows: Rows) -> Rows:
    """The steps that can be seen, and the last one."""
    seen: Rows = []
    for row in rows:
        if not seen or seen[-1]["survival"] - row["survival"] >= _PIXEL:
            seen.append(row)
    return seen if seen[-1] is rows[-1] else [*seen, rows[-1]]


def _curve(rows: Rows, label: str, colour: str, dash: dict[str, str]) -> Trace:
    return style.scatter(
        x=[0, *(row["day"] for row in rows)],
        y=[1, *(round(row["survival"], 4) for row in rows)],
        name=label,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2.5, **dash},
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )


def _band(rows: Rows, colour: str) -> list[Trace]:
    """The interval of the log-log bounds, where there is one: not while survival is 1, nor where it is 0."""
    known = [row for row in rows if row["ci_low"] is not None and row["ci_high"] is not None]
    low, high = ([round(row[name], 4) for row in known] for name in ("ci_low", "ci_high"))
    return style.band([row["day"] for row in known], low, high, colour, line={"shape": "hv"}) if known else []


def _at(rows: Rows, day: int) -> float | None:
    """Survival on a day, the last step's up to it; unknown after the last day that anyone was seen."""
    if day > rows[-1]["day"]:
        return None
    return next((float(row["survival"]) for row in reversed(rows) if row["day"] <= day), 1.0)
