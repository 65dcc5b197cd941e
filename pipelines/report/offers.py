"""Chart of offers: what each list would have hit after a cut-off date, beside what needs no model."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

BARS = {"buy_again": "personal_frequency", "discover": "popularity_without_own"}
"""Each list with the method that is the honest bar for it: the best that anyone would do without a model."""


def offers(night: Night, texts: Texts) -> Chart:
    """Hit rate at 10 of each list and method, ours first."""
    title, rows = texts("offers.title"), night.rows["offers"]
    if rows is None:
        return style.missing("offers", title, "recommendation_evaluation", rows, texts)
    if not rows:
        return Chart("offers", title, why_not=(texts("offers.too_early"),))
    names = [_name(row, texts) for row in rows]
    rates = [row["hit_rate_at_10"] for row in rows]
    bars = style.bar(
        x=rates,
        y=list(range(len(rows))),
        orientation="h",
        marker={"color": [style.BLUE if row["is_published"] else style.GREY for row in rows]},
        hovertemplate="%{x:.1%}<extra></extra>",
    )
    figure = style.figure(
        [bars],
        height=100 + 46 * len(rows),
        showlegend=False,
        bargap=0.3,
        xaxis=axes.axis(tickformat=".0%", rangemode="tozero", nticks=5),
        yaxis=axes.axis(**axes.ticks(names), showgrid=False, range=[len(rows) - 0.5, -0.5]),
        **axes.beside([style.percent(rate) for rate in rates]),
    )
    table = Table(
        tuple(
            texts(f"offers.{name}") for name in ("list", "method", "customers", "hit_rate", "recall", "ndcg")
        ),
        [
            (
                texts(f"offers.{row['list']}"),
                texts.known(f"offers.methods.{row['method']}", row["method"]),
                texts.number(row["customers"]),
                *(style.percent(row[name]) for name in ("hit_rate_at_10", "recall_at_10", "ndcg_at_10")),
            )
            for row in rows
        ],
    )
    return Chart(
        "offers",
        title,
        texts("offers.read", cutoff=texts.day(rows[0]["cutoff_date"])),
        texts("offers.alt"),
        figure,
        table=table,
        finding="".join(_findings(rows, texts)).strip(),
        warnings=(texts("offers.no_effect"),),
    )


def _name(row: dict[str, Any], texts: Texts) -> str:
    """List and method one above the other: a phone has no room for both in a line."""
    method = texts.known(f"offers.methods.{row['method']}", row["method"])
    return "<br>".join((axes.plain(texts(f"offers.{row['list']}")), axes.plain(method)))


def _findings(rows: Rows, texts: Texts) -> list[str]:
    """For each list, ours beside the honest bar."""
    found = []
    for name, of in groupby(rows, key=lambda row: str(row["list"])):
        methods = list(of)
        ours = next((row for row in methods if row["is_published"]), None)
        bar = next((row for row in methods if row["method"] == BARS.get(name)), None)
        if ours is None or bar is None:
            continue
        difference = 100 * (ours["hit_rate_at_10"] - bar["hit_rate_at_10"])
        found.append(
            texts(
                f"offers.finding_{name}",
                rate=style.percent(ours["hit_rate_at_10"]),
                bar=style.percent(bar["hit_rate_at_10"]),
                difference=style.signed(difference),
                customers=texts.number(ours["customers"]),
            )
        )
    return found
