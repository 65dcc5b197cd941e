"""Charts of the tiers: the pyramid, what each tier brings, and moves between tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from pipelines.report import style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts


def pyramid(night: Night, texts: Texts) -> Chart:
    """Customers by tier, the best tier on top."""
    title, rows = texts("pyramid.title"), night.rows["tiers"]
    if not rows:
        return style.missing("pyramid", title, "tier_contribution_monthly", rows, texts)
    by_tier = {row["tier"]: row for row in rows}
    codes = night.tiers.sorted(set(by_tier))
    counts = [by_tier[code]["customer_count"] for code in codes]
    shares = [style.percent(by_tier[code]["customer_share"]) for code in codes]
    bars = go.Bar(
        x=counts,
        y=list(range(len(codes))),
        base=[-count / 2 for count in counts],
        orientation="h",
        marker_color=style.BLUE,
        hoverinfo="skip",
    )
    # Beside the bars, as the best tier's is often too narrow for a figure.
    figures = [f"{count:,} · {share}" for count, share in zip(counts, shares, strict=True)]
    figure = style.figure(
        [bars],
        height=70 + 44 * len(codes),
        bargap=0.18,
        xaxis=style.axis(visible=False, range=[-max(counts) / 2, max(counts) / 2]),
        yaxis=style.tier_axis(night, codes, texts),
        **style.beside(figures),
    )
    return Chart(
        "pyramid",
        title,
        texts("pyramid.read", month=night.month_of(rows, texts)),
        texts("pyramid.alt"),
        figure,
    )


def contribution(night: Night, texts: Texts) -> Chart:
    """Each tier's share of customers, revenue and profit."""
    title, rows = texts("contribution.title"), night.rows["tiers"]
    if not rows:
        return style.missing("contribution", title, "tier_contribution_monthly", rows, texts)
    by_tier = {row["tier"]: row for row in rows}
    codes = night.tiers.sorted(set(by_tier))
    measures = (
        ("customer", "customers", style.GREY),
        ("revenue", "revenue", style.BLUE),
        ("profit", "profit", style.ORANGE),
    )
    bars = [
        go.Bar(
            name=texts(f"column.{name}"),
            x=[by_tier[code][f"{measure}_share"] for code in codes],
            y=list(range(len(codes))),
            orientation="h",
            marker_color=colour,
            text=[style.percent(by_tier[code][f"{measure}_share"]) for code in codes],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{text}",
        )
        for measure, name, colour in measures
    ]
    figure = style.figure(
        bars,
        height=90 + 78 * len(codes),
        barmode="group",
        bargap=0.25,
        xaxis=style.axis(tickformat=".0%", zeroline=True, zerolinecolor="#8a9099"),
        yaxis=style.tier_axis(night, codes, texts),
        margin={"r": 48},
    )
    headers = ("tier", "customers", "customer_share", "revenue", "revenue_share", "profit", "profit_share")
    table = Table(
        tuple(texts(f"column.{name}") for name in headers),
        [
            (
                night.tiers.label(code, texts),
                f"{row['customer_count']:,}",
                style.percent(row["customer_share"]),
                style.money(row["revenue"]),
                style.percent(row["revenue_share"]),
                style.money(row["profit"]),
                style.percent(row["profit_share"]),
            )
            for code, row in ((code, by_tier[code]) for code in codes)
        ],
    )
    read = texts("contribution.read", month=night.month_of(rows, texts))
    for row in night.rows["anonymous"] or []:
        read += texts(
            "contribution.anonymous",
            revenue=style.money(row["revenue"]),
            revenue_share=style.percent(row["revenue_share"]),
            profit=style.money(row["profit"]),
            profit_share=style.percent(row["profit_share"]),
        )
    alt = texts("contribution.alt")
    return Chart("contribution", title, read, alt, figure, table=table, rests_on=("unit costs",))


def migration(night: Night, texts: Texts) -> Chart:
    """Where the customers of each tier are a month later."""
    title, rows = texts("migration.title"), night.rows["migration"]
    if not rows:
        return style.missing("migration", title, "tier_migration_monthly", rows, texts)
    cells = {(row["from_tier"], row["to_tier"]): row for row in rows}
    before = night.tiers.sorted({row["from_tier"] for row in rows})
    now = night.tiers.sorted({row["to_tier"] for row in rows})
    found = [[cells.get((a, b)) for b in now] for a in before]
    heat = go.Heatmap(
        z=[[cell and cell["transition_rate"] for cell in line] for line in found],
        text=[[style.percent(cell["transition_rate"], 0) if cell else "" for cell in line] for line in found],
        customdata=[[f"{cell['customer_count']:,}" if cell else "0" for cell in line] for line in found],
        texttemplate="%{text}",
        hovertemplate="%{text} · %{customdata}<extra></extra>",
        colorscale=style.HEAT,
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure = style.figure(
        [heat],
        height=120 + 42 * len(before),
        xaxis=style.axis(
            **style.ticks(style.tier_labels(night, now, texts)),
            title=texts("migration.x"),
            showgrid=False,
            side="top",
        ),
        yaxis=style.axis(
            **style.ticks(style.tier_labels(night, before, texts)),
            title=texts("migration.y"),
            showgrid=False,
            range=[len(before) - 0.5, -0.5],
        ),
    )
    table = Table(
        tuple(texts(f"column.{name}") for name in ("from", "to", "customers", "rate")),
        [
            (
                night.tiers.label(a, texts),
                night.tiers.label(b, texts),
                f"{cells[a, b]['customer_count']:,}",
                style.percent(cells[a, b]["transition_rate"]),
            )
            for a in before
            for b in now
            if (a, b) in cells
        ],
    )
    read = texts("migration.read", month=night.month_of(rows, texts))
    return Chart("migration", title, read, texts("migration.alt"), figure, table=table)
