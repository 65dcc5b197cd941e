"""Charts of the tiers: the pyramid, what each tier brings, and moves between tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.heat import Heat, HeatCell, heat_cell
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
    bars = style.bar(
        x=counts,
        y=list(range(len(codes))),
        base=[-count / 2 for count in counts],
        orientation="h",
        marker={"color": style.BLUE},
        hoverinfo="skip",
    )
    # Beside the bars, as the best tier's is often too narrow for a figure.
    figures = [f"{texts.number(count)} · {share}" for count, share in zip(counts, shares, strict=True)]
    figure = style.figure(
        [bars],
        height=70 + 44 * len(codes),
        bargap=0.18,
        xaxis=axes.axis(visible=False, range=[-max(counts) / 2, max(counts) / 2]),
        yaxis=axes.tiers(night, codes, texts),
        **axes.beside(figures),
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
        style.bar(
            name=texts(f"column.{name}"),
            x=[by_tier[code][f"{measure}_share"] for code in codes],
            y=list(range(len(codes))),
            orientation="h",
            marker={"color": colour},
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
        xaxis=axes.axis(tickformat=".0%", zeroline=True, zerolinecolor="#8a9099"),
        yaxis=axes.tiers(night, codes, texts),
        margin={"r": 48},
    )
    headers = ("tier", "customers", "customer_share", "revenue", "revenue_share", "profit", "profit_share")
    table = Table(
        tuple(texts(f"column.{name}") for name in headers),
        [
            (
                night.tiers.label(code, texts),
                texts.number(row["customer_count"]),
                style.percent(row["customer_share"]),
                texts.number(row["revenue"]),
                style.percent(row["revenue_share"]),
                texts.number(row["profit"]),
                style.percent(row["profit_share"]),
            )
            for code, row in ((code, by_tier[code]) for code in codes)
        ],
    )
    sentences = [texts("contribution.read", month=night.month_of(rows, texts))]
    sentences += [
        texts(
            "contribution.anonymous",
            revenue=texts.number(row["revenue"]),
            revenue_share=style.percent(row["revenue_share"]),
            profit=texts.number(row["profit"]),
            profit_share=style.percent(row["profit_share"]),
        )
        for row in night.rows["anonymous"] or []
    ]
    alt = texts("contribution.alt")
    return Chart(
        "contribution", title, texts.sentences(*sentences), alt, figure, table=table, rests_on=("unit costs",)
    )


def migration(night: Night, texts: Texts) -> Chart:
    """Where the customers of each tier are a month later."""
    title, rows = texts("migration.title"), night.rows["migration"]
    if not rows:
        return style.missing("migration", title, "tier_migration_monthly", rows, texts)
    cells = {(row["from_tier"], row["to_tier"]): row for row in rows}
    before = night.tiers.sorted({row["from_tier"] for row in rows})
    now = night.tiers.sorted({row["to_tier"] for row in rows})
    found = Heat(
        (texts("migration.y"), *(night.tiers.label(code, texts) for code in now)),
        [
            (
                (night.tiers.label(code, texts),),
                [_moved(cells.get((code, other)), texts) for other in now],
            )
            for code in before
        ],
        texts("migration.x"),
    )
    read = texts("migration.read", month=night.month_of(rows, texts))
    return Chart("migration", title, read, heat=found)


def _moved(row: dict[str, Any] | None, texts: Texts) -> HeatCell:
    if row is None:
        return HeatCell("–")
    return heat_cell(
        style.percent(row["transition_rate"]), row["transition_rate"], texts.number(row["customer_count"])
    )
