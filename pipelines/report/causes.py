"""What customers complain of: causes with the rising ones marked, and what is merely claimed of those who keep silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.report import axes, style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

_TOPICS = 12
"""Causes that are drawn; the table has them all."""


def pareto(night: Night, texts: Texts) -> Chart:
    """Complaints of twelve months by cause, most first, with what they sum to."""
    title, rows = texts("causes.title"), night.rows["causes"]
    if not rows:
        if rows is not None and night.rows["voice"]:
            return Chart("causes", title, why_not=(texts("causes.too_early"),), rests_on=("feedback",))
        return style.no_feedback("causes", title, "complaint_causes_monthly", rows, texts)
    drawn = rows[:_TOPICS]
    figures = [
        f"{texts.number(row['complaints_12m'])} · {style.percent(row['cumulative_share'], 0)}"
        for row in drawn
    ]
    # Marked by a sign as well: not everyone tells the colours apart.
    signs = [f" ▲ {texts('causes.rising')}" if row["is_rising"] else "" for row in drawn]
    bars = [
        style.bar(
            name=texts(f"causes.{name}"),
            x=[row["complaints_12m"] if row["is_rising"] is is_rising else None for row in drawn],
            y=list(range(len(drawn))),
            orientation="h",
            marker={"color": colour},
            text=[figure + sign for figure, sign in zip(figures, signs, strict=True)],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
        for name, is_rising, colour in (("steady", False, style.BLUE), ("rising", True, style.ORANGE))
    ]
    figure = style.figure(
        bars,
        height=60 + 34 * len(drawn),
        barmode="overlay",
        bargap=0.25,
        showlegend=False,
        # Room for the figures beside the longest bar.
        xaxis=axes.axis(visible=False, range=[0, 1.7 * drawn[0]["complaints_12m"]]),
        yaxis=axes.axis(
            **axes.ticks([axes.short(topic(row["topic"], texts)) for row in drawn]),
            showgrid=False,
            range=[len(drawn) - 0.5, -0.5],
        ),
    )
    table = Table(
        tuple(
            texts(f"causes.{name}")
            for name in (
                "topic",
                "complaints_12m",
                "share",
                "cumulative_share",
                "recent",
                "expected",
                "rising",
            )
        ),
        [
            (
                topic(row["topic"], texts),
                texts.number(row["complaints_12m"]),
                style.percent(row["share"]),
                style.percent(row["cumulative_share"]),
                texts.number(row["recent"]),
                f"{row['expected_recent']:,.1f}",
                "▲" if row["is_rising"] else "–",
            )
            for row in rows
        ],
    )
    # The fewest causes that make up most of the complaints.
    few = next(n for n, row in enumerate(rows, 1) if row["cumulative_share"] >= 0.5 or n == len(rows))
    rising = [topic(row["topic"], texts) for row in rows if row["is_rising"]]
    finding = texts(
        "causes.finding",
        share=style.percent(rows[few - 1]["cumulative_share"], 0),
        topics=texts("list").join(topic(row["topic"], texts) for row in rows[:few]),
        rising=texts("causes.are_rising", topics=texts("list").join(rising))
        if rising
        else texts("causes.none_rising"),
    )
    read = texts("causes.read", month=texts.month(rows[0]["month"]))
    alt = texts("causes.alt")
    return Chart("causes", title, read, alt, figure, table=table, finding=finding, rests_on=("feedback",))


def claims(night: Night, texts: Texts) -> Chart:
    """What the seed documents claim of customers who keep silent, or tell others: no finding of these data."""
    title, found = texts("claims.title"), night.rows["voice"]
    rows = [row for row in found or [] if row["complaints"] or row["unhappy_customers"]]
    if not rows:
        return style.no_feedback("claims", title, "feedback_summary_monthly", found, texts)
    last = next((row for row in reversed(rows) if row["is_complete_month"]), rows[-1])
    pairs = (("complaints", "estimated_silent_unhappy"), ("unhappy_customers", "estimated_reached"))
    table = Table(
        (night.month_of([last], texts), texts("claims.counted"), texts("claims.claimed")),
        [
            (texts(f"claims.{claimed}"), texts.number(last[counted]), texts.number(last[claimed]))
            for counted, claimed in pairs
        ],
    )
    return Chart("claims", title, texts("claims.read"), table=table, rests_on=("feedback",))


def topic(code: str, texts: Texts) -> str:
    """The topic's name in the catalogue, or the data's own word for it."""
    return texts.known(f"topics.{code}", code)
