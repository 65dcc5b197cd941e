"""Charts of loyalty: attitude against behaviour by tier, and what goes with coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

KINDS = {
    "true": "#1d4f86",
    "latent": style.GREEN,
    "spurious": style.ORANGE,
    "none": "#c44e52",
    "unknown_attitude": style.GREY,
}
"""Kinds of loyalty and their colours."""


def matrix(night: Night, texts: Texts) -> Chart:
    """Each tier's customers by kind of loyalty."""
    title, rows = texts("matrix.title"), night.rows["matrix"]
    if not rows:
        return style.missing("matrix", title, "loyalty_matrix_summary", rows, texts)
    if all(row["loyalty"] == "unknown_attitude" for row in rows):
        return Chart("matrix", title, why_not=(texts("missing.feedback"),))
    counts = {(row["tier"], row["loyalty"]): row["customer_count"] for row in rows}
    codes = night.tiers.sorted({row["tier"] for row in rows})
    # Of those whose attitude is known: most are never asked, and would dwarf what the others say.
    known = {
        code: sum(counts.get((code, kind), 0) for kind in KINDS if kind != "unknown_attitude")
        for code in codes
    }
    drawn = [code for code in codes if known[code]]
    parts = [
        (texts(f"matrix.{kind}"), colour, {code: counts.get((code, kind), 0) for code in drawn})
        for kind, colour in KINDS.items()
        if kind != "unknown_attitude"
    ]
    # A tier of which one customer was asked must not look like the others.
    said = [texts("matrix.asked", count=texts.number(known[code])) for code in drawn]
    figure = style.tier_shares(night, drawn, parts, texts, wholes=known, height=100, said=said)
    table = Table(
        (texts("column.tier"), *(texts(f"matrix.{kind}") for kind in KINDS), texts("matrix.at_stake")),
        [
            (
                night.tiers.label(code, texts),
                *(texts.number(counts.get((code, kind), 0)) for kind in KINDS),
                texts.number(
                    sum(r["revenue_12m"] for r in rows if (r["tier"], r["loyalty"]) == (code, "spurious"))
                ),
            )
            for code in codes
        ],
    )
    asked, everyone = sum(known.values()), sum(counts.values())
    finding = texts(
        "matrix.finding",
        asked=texts.number(asked),
        everyone=texts.number(everyone),
        true=style.percent(sum(counts.get((code, "true"), 0) for code in codes) / asked, 0),
        spurious=style.percent(sum(counts.get((code, "spurious"), 0) for code in codes) / asked, 0),
    )
    read, alt = texts("matrix.read"), texts("matrix.alt")
    return Chart("matrix", title, read, alt, figure, table=table, finding=finding, rests_on=_RESTS_ON)


_RESTS_ON = ("feedback", "wallet surveys")


def drivers(night: Night, texts: Texts) -> Chart:
    """By driver, how much more often those who rate it high come back than those who rate it low."""
    title, rows = texts("drivers.title"), night.rows["drivers"]
    if not rows:
        return style.no_feedback("drivers", title, "loyalty_drivers_monthly", rows, texts)
    table = _driver_table(rows, texts)
    compared = sorted(
        (row for row in rows if row["retention_difference"] is not None),
        key=lambda row: (-row["retention_difference"], row["driver"]),
    )
    if not compared:
        reasons = (texts("drivers.too_few", month=texts.month(rows[0]["month"])),)
        return Chart("drivers", title, why_not=reasons, table=table, rests_on=("feedback",))
    differences = [100 * row["retention_difference"] for row in compared]
    points = style.scatter(
        x=differences,
        y=list(range(len(compared))),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [
                100 * row["difference_ci_high"] - x for row, x in zip(compared, differences, strict=True)
            ],
            "arrayminus": [
                x - 100 * row["difference_ci_low"] for row, x in zip(compared, differences, strict=True)
            ],
            "color": style.BLUE,
            "thickness": 2,
            "width": 5,
        },
        mode="markers",
        marker={"size": 11, "color": style.BLUE},
        hovertemplate="%{x:+.1f}<extra></extra>",
    )
    figure = style.figure(
        [points],
        height=110 + 44 * len(compared),
        showlegend=False,
        xaxis=axes.axis(title=texts("drivers.x"), zeroline=True, zerolinecolor="#24292f", zerolinewidth=1),
        yaxis=axes.axis(
            **axes.ticks([axes.short(driver(row["driver"], texts)) for row in compared]),
            range=[len(compared) - 0.5, -0.5],
        ),
    )
    clear = [driver(row["driver"], texts) for row in compared if row["difference_ci_low"] > 0]
    finding = (
        texts("drivers.clear", drivers=texts("list").join(clear)) if clear else texts("drivers.none_clear")
    )
    return Chart(
        "drivers",
        title,
        texts("drivers.read", month=texts.month(rows[0]["month"])),
        texts("drivers.alt"),
        figure,
        table=table,
        finding=finding,
        rests_on=("feedback",),
        warnings=(texts.sentences(texts("drivers.association"), texts("drivers.everyone")),),
    )


def _driver_table(rows: list[dict[str, Any]], texts: Texts) -> Table:
    names = (
        "driver",
        "answers",
        "mean_score",
        "high",
        "low",
        "difference",
        "interval",
        "high_change",
        "low_change",
    )
    return Table(
        tuple(texts(f"drivers.{name}") for name in names),
        [
            (
                driver(row["driver"], texts),
                texts.number(row["answers"]),
                _mean(row),
                *(
                    f"{style.percent(row[f'{side}_retention_rate'], 0)} ({texts.number(row[f'{side}_raters'])})"
                    for side in ("high", "low")
                ),
                style.signed(_hundred(row["retention_difference"])),
                _interval(row, texts),
                *(style.signed(row[f"{side}_median_change"]) for side in ("high", "low")),
            )
            for row in rows
        ],
    )


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _mean(row: dict[str, Any]) -> str:
    if row["mean_score"] is None:
        return "–"
    error = row["score_standard_error"]
    return f"{row['mean_score']:.0f}" + ("" if error is None else f" ± {error:.1f}")


def _interval(row: dict[str, Any], texts: Texts) -> str:
    if row["difference_ci_low"] is None:
        return "–"
    return style.span(100 * row["difference_ci_low"], 100 * row["difference_ci_high"], style.signed, texts)


def driver(code: str, texts: Texts) -> str:
    """The driver's name in the catalogue, or the data's own word for it."""
    return texts.known(f"drivers.names.{code}", code)
