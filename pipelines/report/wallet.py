"""The chart of share of wallet: customers by size of wallet and our share, what was told apart from what is assumed."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.limits import WALLET_STEPS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night, Rows
    from pipelines.report.style import Figure, Trace
    from pipelines.report.texts import Texts

QUADRANTS = {"defend": (1, 1), "grow": (1, -1), "maintain": (-1, 1), "deprioritise": (-1, -1)}
"""Where each quadrant lies from the middle: right or left, above or below."""

EVIDENCE = ("surveyed", "benchmark")
"""How a wallet is known: the customer told in a survey, or like customers stand in for what nobody told."""

_LARGEST = 56
"""Diameter of the largest bubble, in pixels."""

_MANY = 0.1
"""Share of the assumed wallets from which one that they have in common is worth a sentence."""


def quadrants(night: Night, texts: Texts) -> Chart:
    """A bubble for each size of wallet and share of it by evidence, and the four quadrants' sums."""
    title, rows = texts("wallet.title"), night.rows["wallet"]
    if not rows:
        return style.missing("wallet", title, "share_of_wallet_monthly", rows, texts)
    customers: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        customers[row["wallet_quadrant"], row["evidence"]] += row["customer_count"]
        for measure in ("own_spend", "wallet", "headroom"):
            sums[row["wallet_quadrant"], row["evidence"], measure] += row[measure]
    shown = [kind for kind in EVIDENCE if any(row["evidence"] == kind for row in rows)]
    table = Table(
        tuple(
            texts(f"column.{name}")
            for name in ("quadrant", "evidence", "customers", "own_spend", "wallet", "headroom")
        ),
        [
            (
                texts(f"wallet.{name}"),
                texts(f"wallet.{kind}"),
                texts.number(customers[name, kind]),
                *(texts.number(sums[name, kind, measure]) for measure in ("own_spend", "wallet", "headroom")),
            )
            for kind in shown
            for name in QUADRANTS
        ],
    )
    read, alt = texts("wallet.read", month=night.month_of(rows, texts)), texts("wallet.alt")
    figure = _map(night, rows, customers, shown, texts)
    return Chart(
        "wallet", title, read, alt, figure,
        table=table, rests_on=("wallet surveys",), warnings=(_basis(rows, texts),),
    )  # fmt: skip


def _map(
    night: Night, rows: Rows, customers: Counter[tuple[str, str]], shown: list[str], texts: Texts
) -> Figure:
    # A step on both sides of the median at least, so that each quadrant has its place.
    first = min(-2, *(row["wallet_step"] for row in rows))
    last = max(1, *(row["wallet_step"] for row in rows)) + 1
    median = rows[0]["median_wallet"]
    places = {10.0**n: WALLET_STEPS * math.log10(10.0**n / median) for n in range(-2, 13)}
    tens = {value: place for value, place in places.items() if first <= place <= last}
    line = {"type": "line", "line": {"color": "#24292f", "width": 1}}
    return style.figure(
        # What was told lies above what is assumed.
        [_bubbles(rows, kind, texts) for kind in reversed(shown)],
        height=460,
        legend={"traceorder": "reversed", "orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        xaxis=axes.axis(
            title=texts("wallet.x", currency=night.currency, median=texts.number(median)),
            range=[first - 0.3, last + 0.3],
            showgrid=False,
            tickmode="array",
            tickvals=list(tens.values()),
            ticktext=[_amount(value, texts) for value in tens],
        ),
        yaxis=axes.axis(title=texts("wallet.y"), tickformat=".0%", range=[-0.04, 1.04], showgrid=False),
        shapes=[
            {**line, "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"},
            {**line, "x0": 0, "x1": 1, "xref": "paper", "y0": 0.5, "y1": 0.5},
        ],
        annotations=[_corner(name, customers, shown, texts) for name in QUADRANTS],
    )


def _bubbles(rows: Rows, kind: str, texts: Texts) -> Trace:
    found = [row for row in rows if row["evidence"] == kind]
    most = max(row["customer_count"] for row in rows)
    is_told = kind == "surveyed"
    return style.scatter(
        name=f"{texts(f'wallet.{kind}')}: {texts.number(sum(row['customer_count'] for row in found))}",
        x=[row["wallet_step"] + 0.5 for row in found],
        y=[(row["share_step"] + 0.5) / 10 for row in found],
        mode="markers",
        marker={
            "size": [round(max(4, _LARGEST * math.sqrt(row["customer_count"] / most)), 1) for row in found],
            "color": style.BLUE if is_told else "rgba(0,0,0,0)",
            "opacity": 0.85 if is_told else 1,
            "line": {"color": "#fff" if is_told else "#8a9099", "width": 1},
        },
        customdata=[texts.number(row["customer_count"]) for row in found],
        hovertemplate="%{customdata}",
    )


def _corner(name: str, customers: Counter[tuple[str, str]], shown: list[str], texts: Texts) -> dict[str, Any]:
    right, up = QUADRANTS[name]
    told = texts(f"wallet.corner.{shown[0]}", count=texts.number(customers[name, shown[0]]))
    return {
        "x": 1 if right > 0 else 0,
        "y": 1 if up > 0 else 0,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right" if right > 0 else "left",
        "yanchor": "top" if up > 0 else "bottom",
        "text": f"<b>{texts(f'wallet.{name}')}</b><br>{told}",
        "showarrow": False,
        "align": "right" if right > 0 else "left",
        "bgcolor": "rgba(255, 255, 255, 0.8)",
    }


def _amount(value: float, texts: Texts) -> str:
    return texts.number(value) if value >= 1 else f"{value:g}"


def _basis(rows: Rows, texts: Texts) -> str:
    """How many wallets customers told of, and what the others are: a benchmark says nothing of what is spent with others."""
    count: Counter[str] = Counter()
    for row in rows:
        count[row["evidence"]] += row["customer_count"]
    customers = sum(count.values())
    if not count["surveyed"]:
        return texts("wallet.benchmark_only", customers=texts.number(customers))
    said = [texts("wallet.told", surveyed=texts.number(count["surveyed"]), customers=texts.number(customers))]
    if count["benchmark"]:
        said.append(texts("wallet.assumed", share=style.percent(count["benchmark"] / customers, 0)))
    common, amount = rows[0]["common_count"], rows[0]["common_wallet"]
    if common and common >= _MANY * count["benchmark"]:
        said.append(texts("wallet.common", count=texts.number(common), wallet=texts.number(amount)))
    return texts.sentences(*said)
