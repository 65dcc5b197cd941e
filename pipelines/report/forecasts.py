"""Charts of the forecasts' errors: what the models foretold of days that they had not seen, less what happened."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.report import axes, style
from pipelines.report.models import name, unpublished
from pipelines.report.months import SYMBOLS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Figure
    from pipelines.report.texts import Texts

_LAST_CLASS = 7
"""The frequency class that holds all above it."""

_ZERO = {"zeroline": True, "zerolinecolor": "#24292f", "zerolinewidth": 1.5}
"""The line of a forecast that came true."""


def by_class(night: Night, texts: Texts) -> Chart:
    """Error per customer, by how often customers had bought before."""
    key, title = "calibration_class", texts("calibration_class.title")
    models = _models(night, "frequency_class")
    if not models:
        return _missing(night, key, title, texts)
    end = texts.day(next(iter(models.values()))[0]["calibration_end"])
    # The models are fitted on the same customers: what happened is the same for all of them.
    actual = {row["bucket"]: row for rows in models.values() for row in rows}
    buckets = sorted(actual)
    by_bucket = {model: {row["bucket"]: row for row in rows} for model, rows in models.items()}
    labels = [f"{bucket}+" if bucket == _LAST_CLASS else f"{bucket}" for bucket in buckets]
    errors = {
        model: [_per_customer(found[bucket]) if bucket in found else None for bucket in buckets]
        for model, found in by_bucket.items()
    }
    traces = [
        style.bar(
            name=name(model, texts),
            x=list(range(len(buckets))),
            y=found,
            marker={"color": style.GROUPS[n % len(style.GROUPS)]},
            hovertemplate="%{y:+.2f}",
        )
        for n, (model, found) in enumerate(errors.items())
    ]
    figure = style.figure(
        traces,
        height=360,
        barmode="group",
        xaxis=axes.axis(**axes.ticks(labels), title=texts("calibration_class.x", end=end), showgrid=False),
        yaxis=axes.axis(title=texts("calibration_class.y"), tickformat="+", **_ZERO),
    )
    table = Table(
        (
            *(texts(f"column.{column}") for column in ("class", "customers", "actual")),
            *(name(model, texts) for model in models),
        ),
        [
            (
                label,
                *(texts.number(actual[bucket][column]) for column in ("customers", "actual")),
                *(
                    texts.number(found[bucket]["predicted"]) if bucket in found else "–"
                    for found in by_bucket.values()
                ),
            )
            for label, bucket in zip(labels, buckets, strict=True)
        ],
    )
    read, alt = texts("calibration_class.read", end=end), texts("calibration_class.alt")
    return Chart(key, title, read, alt, figure, table=table)


def by_week(night: Night, texts: Texts) -> Chart:
    """Error of all purchase days since the calibration's end, week by week."""
    key, title = "calibration_week", texts("calibration_week.title")
    models = {model: _since(rows) for model, rows in _models(night, "week").items()}
    models = {model: weeks for model, weeks in models.items() if weeks}
    if not models:
        return _missing(night, key, title, texts)
    end = texts.day(night.rows["calibration"][0]["calibration_end"]) if night.rows["calibration"] else ""
    weeks = sorted({week for found in models.values() for week in found})
    errors = {model: [_error(found.get(week)) for week in weeks] for model, found in models.items()}
    table = Table(
        (
            *(texts(f"calibration_week.{column}") for column in ("week", "actual")),
            *(name(model, texts) for model in models),
        ),
        [
            (
                f"{week}",
                texts.number(next(found[week] for found in models.values() if week in found)[0]),
                *(style.signed(_hundred(errors[model][n]), 1, "%") for model in models),
            )
            for n, week in enumerate(weeks)
        ],
    )
    last = {model: found[-1] for model, found in errors.items() if found[-1] is not None}
    finding = texts(
        "calibration_week.finding",
        weeks=weeks[-1],
        end=end,
        errors=texts("list").join(
            f"{name(model, texts)} {style.signed(_hundred(error), 1, '%')}" for model, error in last.items()
        ),
    )
    read, alt = texts("calibration_week.read", end=end), texts("calibration_week.alt")
    figure = _weeks(weeks, errors, end, texts)
    return Chart(key, title, read, alt, figure, table=table, finding=finding if last else "")


def _weeks(weeks: list[int], errors: dict[str, list[float | None]], end: str, texts: Texts) -> Figure:
    traces = [
        style.scatter(
            name=name(model, texts),
            x=weeks,
            y=found,
            mode="lines+markers",
            line={"color": style.GROUPS[n % len(style.GROUPS)], "width": 2},
            marker={
                "size": 7,
                "symbol": SYMBOLS[n % len(SYMBOLS)],
                "color": style.GROUPS[n % len(style.GROUPS)],
            },
            hovertemplate="%{y:+.1%}",
        )
        for n, (model, found) in enumerate(errors.items())
    ]
    # A scale that ends at the errors would make a small one look large.
    widest = max(0.1, *(abs(error) for found in errors.values() for error in found if error is not None))
    return style.figure(
        traces,
        height=340,
        xaxis=axes.axis(title=texts("calibration_week.x", end=end)),
        yaxis=axes.axis(
            title=texts("calibration_week.y"), tickformat="+.0%", range=[-1.1 * widest, 1.1 * widest], **_ZERO
        ),
    )


def _models(night: Night, report: str) -> dict[str, Rows]:
    """Rows of a report by model."""
    rows = [row for row in night.rows["calibration"] or [] if row["report"] == report]
    return {model: list(lines) for model, lines in groupby(rows, key=lambda row: row["model"])}


def _since(rows: Rows) -> dict[int, tuple[float, float]]:
    """Purchase days since the calibration's end, actual and foretold, by weeks since then; the rows sum from the start."""
    seen = [row for row in rows if not row["is_holdout"]]
    start, actual, predicted = (
        (seen[-1]["bucket"], seen[-1]["actual"], seen[-1]["predicted"]) if seen else (0, 0.0, 0.0)
    )
    return {
        row["bucket"] - start: (row["actual"] - actual, row["predicted"] - predicted)
        for row in rows
        if row["is_holdout"]
    }


def _error(days: tuple[float, float] | None) -> float | None:
    """The forecast's error as a share of what happened."""
    return None if days is None or not days[0] else round(days[1] / days[0] - 1, 5)


def _per_customer(row: dict[str, float]) -> float | None:
    """A class's error in purchase days per customer."""
    return round((row["predicted"] - row["actual"]) / row["customers"], 4) if row["customers"] else None


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _missing(night: Night, key: str, title: str, texts: Texts) -> Chart:
    """No calibration: each model's own reason, where the fits say one."""
    rows, reasons = night.rows["calibration"], unpublished(night, "calibration", texts)
    if rows is None or not reasons:
        return style.missing(key, title, "model_calibration", rows, texts)
    return Chart(key, title, why_not=(texts("calibration.gated"), *reasons))
