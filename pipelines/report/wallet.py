"""The chart of share of wallet: customers by size of wallet and our share, in four quadrants."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from pipelines.report import style
from pipelines.report.read import WALLET_STEPS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.texts import Texts

QUADRANTS = {"defend": (1, 1), "grow": (1, -1), "maintain": (-1, 1), "deprioritise": (-1, -1)}
"""Where each quadrant lies from the middle: right or left, above or below."""


def quadrants(night: Night, texts: Texts) -> Chart:
    """A field for each size of wallet and share of it, and the four quadrants' sums."""
    title, rows = texts("wallet.title"), night.rows["wallet"]
    if not rows:
        return style.missing("wallet", title, "share_of_wallet_monthly", rows, texts)
    fields: Counter[tuple[int, int]] = Counter()
    customers: Counter[str] = Counter()
    sums = {name: dict.fromkeys(("own_spend", "wallet", "headroom"), 0.0) for name in QUADRANTS}
    for row in rows:
        fields[row["wallet_step"], row["share_step"]] += row["customer_count"]
        customers[row["wallet_quadrant"]] += row["customer_count"]
        for measure in sums[row["wallet_quadrant"]]:
            sums[row["wallet_quadrant"]][measure] += row[measure]
    # A step on both sides of the median at least, so that each quadrant has its place.
    first, last = min(-2, *(x for x, _ in fields)), max(1, *(x for x, _ in fields))
    steps = range(first, last + 1)
    counts = [[fields.get((x, y)) for x in steps] for y in range(10)]
    heat = go.Heatmap(
        x=[x + 0.5 for x in steps],
        y=[(y + 0.5) / 10 for y in range(10)],
        # Most customers lie in few fields; the root lets the others be seen.
        z=[[count and math.sqrt(count) for count in line] for line in counts],
        customdata=[[f"{count or 0:,}" for count in line] for line in counts],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        colorscale=style.HEAT,
        showscale=False,
        zmin=0,
        xgap=1,
        ygap=1,
    )
    median = rows[0]["median_wallet"]
    tens = [10.0**n for n in range(-2, 13)]
    places = {value: WALLET_STEPS * math.log10(value / median) for value in tens}
    shown = {value: place for value, place in places.items() if first <= place <= last + 1}
    figure = style.figure(
        [heat],
        height=420,
        xaxis=style.axis(
            title=texts("wallet.x", currency=night.currency),
            range=[first, last + 1],
            showgrid=False,
            tickmode="array",
            tickvals=[0, *shown.values()],
            ticktext=[style.money(median), *(f"{value:,.10g}" for value in shown)],
        ),
        yaxis=style.axis(title=texts("wallet.y"), tickformat=".0%", range=[0, 1], showgrid=False),
        shapes=[
            {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "line": {"color": "#24292f", "width": 1}},
            {
                "type": "line",
                "x0": first,
                "x1": last + 1,
                "y0": 0.5,
                "y1": 0.5,
                "line": {"color": "#24292f", "width": 1},
            },
        ],
        annotations=[
            {
                "x": last + 1 if right > 0 else first,
                "y": 1 if up > 0 else 0,
                "xanchor": "right" if right > 0 else "left",
                "yanchor": "top" if up > 0 else "bottom",
                "text": f"<b>{texts(f'wallet.{name}')}</b><br>{texts('wallet.customers', count=f'{customers[name]:,}')}",
                "showarrow": False,
                "align": "right" if right > 0 else "left",
                "bgcolor": "rgba(255, 255, 255, 0.8)",
            }
            for name, (right, up) in QUADRANTS.items()
        ],
    )
    table = Table(
        tuple(
            texts(f"column.{name}") for name in ("quadrant", "customers", "own_spend", "wallet", "headroom")
        ),
        [
            (
                texts(f"wallet.{name}"),
                f"{customers[name]:,}",
                *(style.money(sums[name][measure]) for measure in ("own_spend", "wallet", "headroom")),
            )
            for name in QUADRANTS
        ],
    )
    read = " ".join((texts("wallet.read", month=night.month_of(rows, texts)), _basis(rows, texts)))
    alt = texts("wallet.alt")
    return Chart("wallet", title, read, alt, figure, table=table, rests_on=("wallet surveys",))


def _basis(rows: Rows, texts: Texts) -> str:
    """How many wallets customers told of: a benchmark of spend with us says nothing of what is spent with others."""
    surveyed, customers = (sum(row[name] for row in rows) for name in ("surveyed_count", "customer_count"))
    key = "wallet.surveyed" if surveyed else "wallet.benchmark_only"
    return texts(key, surveyed=f"{surveyed:,}", customers=f"{customers:,}")
