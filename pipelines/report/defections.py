"""Charts of customers who left: for which reasons, what that costs, and whether contacts win them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.intervals import newcombe, wilson
from pipelines.report.loyalty_rows import YEAR
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Figure
    from pipelines.report.texts import Texts

BASES = {"said": "#1d4f86", "inferred": "#8db4d9", "none": style.GREY}
"""How a reason is known, and its colour."""


def reasons(night: Night, texts: Texts) -> Chart:
    """Yearly value lost by reason, told apart by whether the customer said it."""
    title, rows = texts("defections.title"), night.rows["defections"]
    if not rows:
        return style.missing("defections", title, "defections", rows, texts)
    by_reason: dict[str, Rows] = {}
    for row in rows:
        by_reason.setdefault(row["reason"], []).append(row)
    value = {name: _total(lines, "yearly_value_lost") for name, lines in by_reason.items()}
    # What is not known stands last: it is no reason that anyone can work on.
    names = sorted(by_reason, key=lambda name: (name == "unknown", -value[name], name))
    # Its bar would dwarf those that anyone can work on; the finding says how long it is.
    drawn = [name for name in names if name != "unknown"] or names
    labels = [axes.short(_name(name, texts)) for name in drawn]
    cells = {(row["reason"], row["reason_basis"]): row for row in rows}
    bars = [
        style.bar(
            name=texts(f"defections.{basis}"),
            x=[_cell(cells, name, basis, "yearly_value_lost") for name in drawn],
            y=list(range(len(drawn))),
            orientation="h",
            marker={"color": colour},
            customdata=[texts.number(_cell(cells, name, basis, "yearly_value_lost")) for name in drawn],
            hovertemplate="%{customdata}",
        )
        for basis, colour in BASES.items()
        if any((name, basis) in cells for name in drawn)
    ]
    highest, lowest = max(value[name] for name in drawn), min(value[name] for name in drawn)
    figures = [
        f"{texts.number(value[name])} · {texts.number(_total(by_reason[name], 'defections'))}"
        for name in drawn
    ]
    figure = style.figure(
        bars,
        height=90 + 40 * len(drawn),
        barmode="relative",
        bargap=0.25,
        xaxis=axes.axis(visible=False, range=[min(0, lowest), highest if highest > 0 else 1]),
        yaxis=axes.axis(**axes.ticks(labels), showgrid=False, range=[len(drawn) - 0.5, -0.5]),
        **axes.beside(figures),
    )
    table = Table(
        tuple(
            texts(f"defections.{name}")
            for name in ("reason", "defections", "said_count", "value", "still_open", "likely")
        ),
        [
            (
                _name(name, texts),
                texts.number(_total(by_reason[name], "defections")),
                texts.number(_cell(cells, name, "said", "defections")),
                texts.number(value[name]),
                texts.number(_total(by_reason[name], "still_open")),
                texts.number(_total(by_reason[name], "likely")),
            )
            for name in names
        ],
    )
    unknown = _total(by_reason.get("unknown", []), "defections")
    finding = texts(
        "defections.finding",
        months=YEAR,
        month=night.month_of(rows, texts),
        count=texts.number(_total(rows, "defections")),
        value=texts.number(sum(value.values())),
        unknown_value=texts.number(value.get("unknown", 0.0)),
        unknown=style.percent(unknown / _total(rows, "defections"), 0),
    )
    if drawn[0] != "unknown":
        finding += texts(
            "defections.costliest", reason=_name(drawn[0], texts), value=texts.number(value[drawn[0]])
        )
    read, alt = texts("defections.read"), texts("defections.alt")
    return Chart("defections", title, read, alt, figure, table=table, finding=finding, rests_on=_RESTS_ON)


_RESTS_ON = ("feedback", "wallet surveys")


def win_back(night: Night, texts: Texts) -> Chart:
    """Of lapses still open after 30 days: how many came back of those contacted, and of those not."""
    title, rows = texts("win_back.title"), night.rows["win_back"]
    if not rows:
        return style.missing("win_back", title, "defections_summary_monthly", rows, texts)
    [row] = rows
    both = {True: (row["contacted_back"], row["contacted"]), False: (row["others_back"], row["others"])}
    sides = {side: counts for side, counts in both.items() if counts[1]}
    if not sides:
        return Chart("win_back", title, why_not=(texts("win_back.too_early"),))
    shown = [side for side in (True, False) if side in sides]
    names = [texts("win_back.contacted" if side else "win_back.not_contacted") for side in shown]
    rates = [sides[side][0] / sides[side][1] for side in shown]
    bounds = [wilson(*sides[side]) for side in shown]
    if True not in sides:
        finding = texts(
            "win_back.nobody_contacted", lapses=texts.number(sides[False][1]), rate=style.percent(rates[0])
        )
    elif False not in sides:
        finding = texts(
            "win_back.all_contacted", lapses=texts.number(sides[True][1]), rate=style.percent(rates[0])
        )
    else:
        finding = _difference(sides[True], sides[False], night.fewest, texts)
    table = Table(
        tuple(texts(f"win_back.{name}") for name in ("group", "lapses", "came_back", "rate", "interval")),
        [
            (
                name,
                texts.number(sides[side][1]),
                texts.number(sides[side][0]),
                style.percent(rate),
                style.span(*span, style.percent, texts),
            )
            for name, side, rate, span in zip(names, shown, rates, bounds, strict=True)
        ],
    )
    # One group alone is a sentence, not a comparison.
    figure = _points(names, rates, bounds, texts) if len(shown) == 2 else None
    alt = texts("win_back.alt")
    return Chart(
        "win_back",
        title,
        texts("win_back.read"),
        alt,
        figure,
        table=table,
        finding=finding,
        rests_on=("contacts",),
    )


def _points(names: list[str], rates: list[float], bounds: list[tuple[float, float]], texts: Texts) -> Figure:
    points = style.scatter(
        x=rates,
        y=list(range(len(names))),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - rate for rate, (_, high) in zip(rates, bounds, strict=True)],
            "arrayminus": [rate - low for rate, (low, _) in zip(rates, bounds, strict=True)],
            "color": style.BLUE,
            "thickness": 2,
            "width": 6,
        },
        mode="markers",
        marker={"size": 12, "color": style.BLUE},
        hovertemplate="%{x:.1%}<extra></extra>",
    )
    widest = max(high for _, high in bounds)
    return style.figure(
        [points],
        height=100 + 50 * len(names),
        showlegend=False,
        xaxis=axes.axis(title=texts("win_back.x"), tickformat=".0%", range=[0, min(1.02, 1.15 * widest)]),
        yaxis=axes.axis(**axes.ticks([axes.short(name) for name in names]), range=[len(names) - 0.5, -0.5]),
    )


def _difference(contacted: tuple[int, int], others: tuple[int, int], fewest: int, texts: Texts) -> str:
    """The difference of the two rates with its interval, and what may be concluded from it."""
    if min(contacted[1], others[1]) < fewest:
        return texts(
            "win_back.too_few",
            contacted=texts.number(contacted[1]),
            others=texts.number(others[1]),
            fewest=fewest,
        )
    difference = contacted[0] / contacted[1] - others[0] / others[1]
    low, high = newcombe(*contacted, *others)
    verdict = "more" if low > 0 else "fewer" if high < 0 else "open"
    return texts.sentences(
        texts(
            "win_back.finding",
            contacted=style.percent(contacted[0] / contacted[1]),
            others=style.percent(others[0] / others[1]),
            difference=style.signed(100 * difference),
            interval=style.span(100 * low, 100 * high, style.signed, texts),
        ),
        texts(f"win_back.{verdict}"),
    )


def _name(reason: str, texts: Texts) -> str:
    return texts.known(f"reason_names.{reason}", reason)


def _total(rows: Rows, measure: str) -> float:
    return float(sum(row[measure] for row in rows))


def _cell(cells: dict[tuple[str, str], dict[str, Any]], reason: str, basis: str, measure: str) -> float:
    return float(cells[reason, basis][measure]) if (reason, basis) in cells else 0.0
