"""Charts of retention: cohorts, and survival curves."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pipelines.report import style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

CURVES = ("gap", "time_to_second_purchase", "lifetime")
"""The survival curves that the report draws, each in a chart of its own."""

_TABLE_MONTHS = (1, 3, 6, 12)
_TABLE_DAYS = (30, 90, 180, 365)
_FEW = 0.01
"""Survival below which a curve is not drawn on."""


def cohorts(night: Night, texts: Texts) -> Chart:
    """Which share of each month's new customers buys again, month by month."""
    title, rows = texts("cohorts.title"), night.rows["cohorts"]
    if not rows:
        return style.missing("cohorts", title, "retention_cohorts_monthly", rows, texts)
    months = sorted({row["cohort_month"] for row in rows})
    rates = {(row["cohort_month"], row["months_since_first"]): row["retention_rate"] for row in rows}
    sizes = {row["cohort_month"]: row["cohort_size"] for row in rows}
    ages = list(range(max(row["months_since_first"] for row in rows) + 1))
    # Month 0 is 100 % for everyone and would take the colours from the rest.
    later = [rate for (_, age), rate in rates.items() if age > 0]
    heat = go.Heatmap(
        z=[[rates.get((month, age)) for age in ages] for month in months],
        x=ages,
        text=[[style.percent(rates.get((month, age)), 0) for age in ages] for month in months],
        customdata=[[f"{month:%Y-%m}"] * len(ages) for month in months],
        texttemplate="%{text}" if len(ages) <= 8 else None,
        hovertemplate="%{customdata} + %{x}: %{text}<extra></extra>",
        colorscale=style.HEAT,
        zmin=0,
        zmax=max(later, default=0) or 1,
        colorbar={"tickformat": ".0%", "thickness": 10, "outlinewidth": 0},
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    figure = style.figure(
        [heat],
        height=110 + 24 * len(months),
        xaxis=style.axis(title=texts("cohorts.x"), showgrid=False, dtick=max(1, len(ages) // 8)),
        yaxis=style.axis(
            **style.ticks([f"{month:%Y-%m}" for month in months]),
            showgrid=False,
            range=[len(months) - 0.5, -0.5],
        ),
    )
    shown = [age for age in _TABLE_MONTHS if age in ages]
    table = Table(
        (
            texts("column.cohort"),
            texts("column.customers"),
            *(texts("column.month_n", n=age) for age in shown),
        ),
        [
            (
                f"{month:%Y-%m}",
                f"{sizes[month]:,}",
                *(style.percent(rates.get((month, age)), 0) for age in shown),
            )
            for month in months
        ],
    )
    is_cut = rows[0]["cohorts"] > len(months)
    read = texts(
        "cohorts.read", shown=texts("cohorts.newest" if is_cut else "cohorts.all", count=len(months))
    )
    return Chart("cohorts", title, read, texts("cohorts.alt"), figure, table=table)


def survival(night: Night, curve: str, texts: Texts) -> Chart:
    """A Kaplan-Meier curve for each group, with the 95 % interval around the curve of all."""
    key, title = f"survival_{curve}", texts(f"survival.{curve}.title")
    every = night.rows["survival"]
    rows = [row for row in every or [] if row["curve"] == curve]
    if not rows:
        return style.missing(key, title, "survival_curves", every, texts)
    groups = {name: list(lines) for name, lines in groupby(rows, key=lambda row: row["group_name"])}
    names = [*(["all"] if "all" in groups else []), *night.tiers.sorted(set(groups) - {"all"})]
    traces: list[Any] = []
    for n, name in enumerate(names):
        colour = style.GROUPS[n % len(style.GROUPS)]
        if name == "all":
            traces += _band(groups[name], colour)
        traces.append(_curve(groups[name], style.short(night.tiers.label(name, texts)), colour))
    last = max(lines[-1]["day"] for lines in groups.values())
    shown = max(_few_left(lines) for lines in groups.values())
    figure = style.figure(
        traces,
        height=360,
        showlegend=len(names) > 1,
        xaxis=style.axis(title=texts("survival.days"), range=[0, max(shown, 1)]),
        yaxis=style.axis(title=texts("survival.still"), tickformat=".0%", range=[0, 1.02]),
    )
    table = Table(
        (texts("column.group"), *(texts("column.day_n", n=day) for day in _TABLE_DAYS)),
        [
            (night.tiers.label(name, texts), *(style.percent(_at(groups[name], day)) for day in _TABLE_DAYS))
            for name in names
        ],
    )
    sentences = [texts(f"survival.{curve}.read")]
    if "all" in groups:
        sentences.append(texts("survival.band"))
    if shown < last:
        sentences.append(texts("survival.cut", day=shown, share=style.percent(_FEW, 0)))
    return Chart(key, title, " ".join(sentences), texts(f"survival.{curve}.alt"), figure, table=table)


def _few_left(rows: Rows) -> int:
    """The day at which so few are left that the rest of the curve is flat to the eye; else the last one."""
    return int(next((row["day"] for row in rows if row["survival"] < _FEW), rows[-1]["day"]))


def _curve(rows: Rows, label: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[0, *(row["day"] for row in rows)],
        y=[1, *(row["survival"] for row in rows)],
        name=label,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2},
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )


def _band(rows: Rows, colour: str) -> list[go.Scatter]:
    """The interval of the log-log bounds, where there is one: not while survival is 1, nor where it is 0."""
    known = [row for row in rows if row["ci_low"] is not None and row["ci_high"] is not None]
    common = {"x": [row["day"] for row in known], "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    line = {"shape": "hv", "width": 0, "color": colour}
    high = go.Scatter(**common, y=[row["ci_high"] for row in known], line=line)
    low = go.Scatter(
        **common,
        y=[row["ci_low"] for row in known],
        line=line,
        fill="tonexty",
        fillcolor="rgba(59, 110, 165, 0.18)",
    )
    return [high, low] if known else []


def _at(rows: Rows, day: int) -> float | None:
    """Survival on a day, the last step's up to it; unknown after the last day that anyone was seen."""
    if day > rows[-1]["day"]:
        return None
    return next((float(row["survival"]) for row in reversed(rows) if row["day"] <= day), 1.0)
