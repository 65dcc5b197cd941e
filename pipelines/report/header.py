"""The figures that a manager asks for first: the last complete month beside the one before and the year before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.report import style

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.report.read import Night
    from pipelines.report.texts import Texts


@dataclass(frozen=True)
class Cell:
    """A figure, and what stands below it in small letters."""

    value: str
    small: str = ""


@dataclass(frozen=True)
class Line:
    """One figure in each of the months."""

    key: str
    title: str
    cells: list[Cell]
    definition: str
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """The figures of the night, or the sentence why there are none."""

    months: list[Cell] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dashes: list[str] = field(default_factory=list)
    """Why a figure is a dash, each reason once."""
    today: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class _Measure:
    key: str
    rows: str
    column: str
    show: Callable[[float | None, Texts], str]
    change: str | None = "percent"
    """How two months are compared: in percent of the earlier one, in percentage points, or by the intervals."""
    rests_on: tuple[str, ...] = ()


def _number(value: float | None, texts: Texts) -> str:
    return texts.number(value)


def _percent(value: float | None, _: Texts) -> str:
    return style.percent(value)


def _score(value: float | None, _: Texts) -> str:
    return style.points(value)


_MEASURES = (
    _Measure("active", "flows", "closing", _number),
    _Measure("revenue", "revenue", "revenue", _number),
    _Measure("retention", "flows", "retention_rate", _percent, "points"),
    _Measure("nps", "voice", "nps", _score, None, ("feedback",)),
    _Measure("wallet", "wallet_share", "share_of_wallet", _percent, "points", ("wallet surveys",)),
    _Measure("at_risk", "at_risk", "yearly_value", _number),
)


def figures(night: Night, texts: Texts) -> Figures:
    """Each figure of the last complete month, of the month before, and of the same month a year before."""
    flows = night.rows["flows"]
    if not flows:
        reason = "missing.mart" if flows is None else "missing.empty"
        return Figures(why_not=texts(reason, mart="retention_flows_monthly"))
    complete = [row["month"] for row in flows if row["is_complete_month"]]
    newest, first = max(complete or [row["month"] for row in flows]), flows[0]["month"]
    months = [newest, _months_before(newest, 1), _months_before(newest, 12)]
    dashes: list[str] = [
        texts("figures.before_data", month=texts.month(month), first=texts.month(first))
        for month in months
        if month < first
    ]
    lines = []
    for measure in _MEASURES:
        found = {row["month"]: row for row in night.rows[measure.rows] or []}
        # What stood before the data began is not known, whatever a window may sum to.
        rows = [found.get(month) if month >= first else None for month in months]
        lines.append(
            Line(
                measure.key,
                texts(f"figures.{measure.key}.title"),
                _cells(measure, rows, texts),
                texts(f"figures.{measure.key}.definition"),
                measure.rests_on,
            )
        )
        dashes += _why(measure, dict(zip(months, rows, strict=True)), first, night, texts)
    shown = [
        texts(
            "month.complete" if complete else "month.running",
            month=texts.month(newest),
            as_of=texts.day(night.published.as_of_date),
        ),
        *(texts.month(month) for month in months[1:]),
    ]
    heads = [Cell(month, texts("figures.since") if n else "") for n, month in enumerate(shown)]
    return Figures(heads, lines, list(dict.fromkeys(dashes)), _today(night, texts))


def _months_before(month: date, count: int) -> date:
    """The first day of the month so many months earlier."""
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _cells(measure: _Measure, rows: list[dict[str, Any] | None], texts: Texts) -> list[Cell]:
    values = [None if row is None else row[measure.column] for row in rows]
    cells = []
    for n, (row, value) in enumerate(zip(rows, values, strict=True)):
        small = ""
        if row is not None and value is not None:
            if measure.change is None:
                small = style.span(row["nps_ci_low"], row["nps_ci_high"], style.points, texts)
            elif n and values[0] is not None:
                small = _change(measure, float(values[0]), float(value), texts)
        cells.append(Cell(measure.show(None if value is None else float(value), texts), small))
    return cells


def _change(measure: _Measure, now: float, then: float, texts: Texts) -> str:
    """What has become of the figure since then."""
    if measure.change == "points":
        return style.signed(100 * (now - then), 1, texts("figures.points"))
    return style.signed(100 * (now / then - 1), 1, "%") if then > 0 else ""


def _why(measure: _Measure, rows: dict[date, Any], first: date, night: Night, texts: Texts) -> list[str]:
    """Why the figure is a dash in months that have data."""
    title = texts(f"figures.{measure.key}.title")
    empty = [
        month
        for month, row in rows.items()
        if month >= first and (row is None or row[measure.column] is None)
    ]
    if not empty:
        return []
    shown = texts("list").join(texts.month(month) for month in empty)
    key = f"figures.{measure.key}.dash"
    if measure.key == "nps" and not night.rows["voice"]:
        return [texts("missing.feedback")]
    return [
        texts(key, months=shown) if key in texts else texts("figures.no_figure", title=title, months=shown)
    ]


def _today(night: Night, texts: Texts) -> str:
    """Who is to be called is as of the run, also in the middle of a month."""
    at_risk = [row for row in night.rows["status"] or [] if row["status"] == "at_risk"]
    if not night.rows["status"]:
        return ""
    return texts(
        "figures.today",
        as_of=texts.day(night.published.as_of_date),
        customers=texts.number(sum(row["customers"] for row in at_risk)),
        value=texts.number(sum(row["yearly_value"] for row in at_risk)),
    )
