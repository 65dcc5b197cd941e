"""Charts of the models' calibration: what they foretold of the holdout, against what happened."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pipelines.report import style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

_LAST_CLASS = 7
"""The frequency class that holds all above it."""

_SYMBOLS = ("circle", "diamond", "square")
_DASHES = ("solid", "dash", "dot")


def by_class(night: Night, texts: Texts) -> Chart:
    """Purchase days after the calibration per customer, by how often customers had bought before."""
    key, title = "calibration_class", texts("calibration_class.title")
    models = _models(night, "frequency_class")
    if not models:
        return _missing(night, key, title, texts)
    end = next(iter(models.values()))[0]["calibration_end"]
    # The models are fitted on the same customers: what happened is the same for all of them.
    buckets = sorted({row["bucket"] for rows in models.values() for row in rows})
    labels = [f"{bucket}+" if bucket == _LAST_CLASS else f"{bucket}" for bucket in buckets]
    by_bucket = {name: {row["bucket"]: row for row in rows} for name, rows in models.items()}
    actual = {row["bucket"]: row for rows in models.values() for row in rows}
    traces: list[Any] = [
        go.Bar(
            name=texts("column.actual"),
            x=list(range(len(buckets))),
            y=[_each(actual[bucket], "actual") for bucket in buckets],
            marker_color=style.GREY,
            hovertemplate="%{y:.2f}",
        )
    ]
    for n, (name, found) in enumerate(by_bucket.items()):
        traces.append(
            go.Scatter(
                name=_name(name, texts),
                x=list(range(len(buckets))),
                y=[_each(found[bucket], "predicted") if bucket in found else None for bucket in buckets],
                mode="markers+lines",
                marker={"symbol": _SYMBOLS[n % 3], "size": 8, "color": style.GROUPS[n]},
                line={"width": 1, "color": style.GROUPS[n]},
                hovertemplate="%{y:.2f}",
            )
        )
    figure = style.figure(
        traces,
        height=360,
        xaxis=style.axis(**style.ticks(labels), title=texts("calibration_class.x", end=end), showgrid=False),
        yaxis=style.axis(title=texts("calibration_class.y"), rangemode="tozero"),
    )
    table = Table(
        (
            texts("column.class"),
            texts("column.customers"),
            texts("column.actual"),
            *(_name(name, texts) for name in models),
        ),
        [
            (
                label,
                f"{actual[bucket]['customers']:,}",
                f"{actual[bucket]['actual']:,.0f}",
                *(
                    f"{found[bucket]['predicted']:,.1f}" if bucket in found else "–"
                    for found in by_bucket.values()
                ),
            )
            for label, bucket in zip(labels, buckets, strict=True)
        ],
    )
    read = texts("calibration_class.read", end=end)
    return Chart(key, title, read, texts("calibration_class.alt"), figure, table=table)


def by_week(night: Night, texts: Texts) -> Chart:
    """Cumulative repeat purchase days by week since the first purchase of all."""
    key, title = "calibration_week", texts("calibration_week.title")
    models = _models(night, "week")
    if not models:
        return _missing(night, key, title, texts)
    first = next(iter(models.values()))
    end = first[0]["calibration_end"]
    traces = [
        go.Scatter(
            name=texts("column.actual"),
            x=[row["bucket"] for row in first],
            y=[row["actual"] for row in first],
            mode="lines",
            line={"color": style.GREY, "width": 6},
            hovertemplate="%{y:,.0f}",
        ),
        *(
            go.Scatter(
                name=_name(name, texts),
                x=[row["bucket"] for row in rows],
                y=[row["predicted"] for row in rows],
                mode="lines",
                line={"color": style.GROUPS[n], "width": 2, "dash": _DASHES[n % 3]},
                hovertemplate="%{y:,.0f}",
            )
            for n, (name, rows) in enumerate(models.items())
        ),
    ]
    weeks = [row["bucket"] for row in first if not row["is_holdout"]]
    figure = style.figure(
        traces,
        height=360,
        xaxis=style.axis(title=texts("calibration_week.x")),
        yaxis=style.axis(title=texts("calibration_week.y"), rangemode="tozero", tickformat=","),
    )
    if weeks:
        figure.add_vline(x=weeks[-1], line={"color": "#24292f", "width": 1, "dash": "dot"})
    return Chart(key, title, texts("calibration_week.read", end=end), texts("calibration_week.alt"), figure)


def fits(night: Night, texts: Texts) -> Chart:
    """A table of which models are published, and why the others are not."""
    title, rows = texts("fits.title"), night.rows["fits"]
    if not rows:
        return style.missing("fits", title, "model_fits", rows, texts)
    headers = (
        *("column.model", "column.sample", "column.published", "column.customers"),
        *("fits.repeat", "fits.log_likelihood"),
    )
    table = Table(
        tuple(texts(name) for name in headers),
        [
            (
                _name(row["model"], texts),
                texts.known(f"samples.{row['sample']}", row["sample"]),
                _standing(row, texts),
                _count(row["customers"]),
                _count(row["repeat_customers"]),
                "–" if row["log_likelihood"] is None else f"{row['log_likelihood']:,.1f}",
            )
            for row in rows
        ],
    )
    return Chart("fits", title, texts("fits.read"), table=table)


def _models(night: Night, report: str) -> dict[str, Rows]:
    """Rows of a report by model."""
    rows = [row for row in night.rows["calibration"] or [] if row["report"] == report]
    return {name: list(lines) for name, lines in groupby(rows, key=lambda row: row["model"])}


def _missing(night: Night, key: str, title: str, texts: Texts) -> Chart:
    """No calibration: each model's own reason, where the fits say one."""
    rows = night.rows["calibration"]
    reasons = tuple(
        texts(
            "calibration.reason",
            model=_name(row["model"], texts),
            sample=texts.known(f"samples.{row['sample']}", row["sample"]),
            reason=_reason(row, texts),
        )
        for row in night.rows["fits"] or []
        if row["reason"] and row["sample"] == "calibration"
    )
    if rows is None or not reasons:
        return style.missing(key, title, "model_calibration", rows, texts)
    return Chart(key, title, why_not=(texts("calibration.gated"), *reasons))


def _standing(row: dict[str, Any], texts: Texts) -> str:
    """Published, at a limit with what that means, or why not."""
    if not row["is_published"]:
        return _reason(row, texts)
    limit = row.get("limit_model")
    return "✓" if limit is None else f"✓ {texts.known(f'limits.{limit}', limit)}"


def _reason(row: dict[str, Any], texts: Texts) -> str:
    """In the report's language; the fit's own words where it has none."""
    key = f"reasons.{row.get('reason_code')}"
    return texts(key, customers=_count(row["customers"])) if key in texts else str(row["reason"])


def _name(model: str, texts: Texts) -> str:
    return texts.known(f"models.{model}", model)


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _each(row: dict[str, Any], measure: str) -> float | None:
    """A class's purchase days per customer."""
    return float(row[measure]) / row["customers"] if row["customers"] else None
