"""Charts of months: what became of a state that another chart shows as it is now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipelines.report import axes, style
from pipelines.report.care import COLOURS as CARE
from pipelines.report.causes import topic
from pipelines.report.loyalty import driver
from pipelines.report.months import Part, bars, by_month, lines
from pipelines.report.style import Chart

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

MOVES = {"upgraded": style.GREEN, "returned": style.BLUE, "downgraded": style.ORANGE, "lapsed": style.GREY}
"""Moves between tiers that are drawn: the first two are gains, above the line."""

STAGES = {"partner": "#1d4f86", "committed": style.BLUE, "close": "#8db4d9", "loose": style.GREY}
"""Stages of the relationship, from the closest."""

_MOST = 5
"""Causes that are told apart; the eye does not follow more lines."""


def tiers(night: Night, texts: Texts) -> Chart:
    """Each month's customers by tier."""
    months = by_month(night.rows["tiers_trend"])
    codes = night.tiers.sorted({code for counts in months.values() for code in counts})
    parts = [
        Part(
            code,
            night.tiers.label(code, texts),
            style.GREY if code == "new" else style.GROUPS[n % len(style.GROUPS)],
        )
        for n, code in enumerate(codes)
    ]
    return bars("tiers_trend", "tier_contribution_monthly", months, parts, night, texts, are_shares=True)


def moves(night: Night, texts: Texts) -> Chart:
    """Each month's moves to a better tier above the line, to a worse one below."""
    months = by_month(night.rows["moves_trend"])
    # In the first month everyone is new, and before tiers are told nobody can move.
    parts = [
        Part(name, texts(f"moves_trend.{name}"), colour, -1 if name in ("downgraded", "lapsed") else 1)
        for name, colour in MOVES.items()
    ]
    moved = {month: counts for month, counts in months.items() if any(counts[part.key] for part in parts)}
    return bars("moves_trend", "customer_tiers_monthly", moved, parts, night, texts)


def stages(night: Night, texts: Texts) -> Chart:
    """Each month's customers by stage of the relationship."""
    months = by_month(night.rows["stages_trend"])
    parts = [Part(name, texts(f"stages_trend.{name}"), colour) for name, colour in STAGES.items()]
    rests_on = ("wallet surveys", "account managers")
    return bars(
        "stages_trend",
        "relationship_stages_monthly",
        months,
        parts,
        night,
        texts,
        are_shares=True,
        rests_on=rests_on,
    )


def drivers(night: Night, texts: Texts) -> Chart:
    """Each driver's mean score by month."""
    months = by_month(night.rows["drivers_trend"])
    names = sorted({name for scores in months.values() for name in scores})
    parts = [
        Part(name, driver(name, texts), style.GROUPS[n % len(style.GROUPS)]) for n, name in enumerate(names)
    ]
    return lines(
        "drivers_trend", "loyalty_drivers_monthly", months, parts, night, texts,
        say=lambda score: f"{score:.0f}", axis=axes.axis(title=texts("drivers_trend.y")), rests_on=("feedback",),
    )  # fmt: skip


def causes(night: Night, texts: Texts) -> Chart:
    """Complaints by month, of the causes that come most."""
    months = by_month(night.rows["causes_trend"])
    total: Counter[str] = sum(months.values(), Counter())
    parts = [
        Part(name, topic(name, texts), style.GROUPS[n])
        for n, (name, _) in enumerate(sorted(total.items(), key=lambda item: (-item[1], item[0]))[:_MOST])
    ]
    highest = max((counts[part.key] for counts in months.values() for part in parts), default=0)
    return lines(
        "causes_trend", "feedback_summary_monthly", months, parts, night, texts,
        say=texts.number, axis=axes.counts(0, highest, texts, title=texts("causes.complaints_12m")), rests_on=("feedback",),
        otherwise=0,
    )  # fmt: skip


def defections(night: Night, texts: Texts) -> Chart:
    """Each month's defections by reason."""
    months = by_month(night.rows["defections_trend"])
    total: Counter[str] = sum(months.values(), Counter())
    # What is not known stands last and grey: it is no reason that anyone can work on.
    names = sorted(total, key=lambda name: (name == "unknown", -total[name], name))
    parts = [
        Part(
            name,
            texts.known(f"reason_names.{name}", name),
            style.GREY if name == "unknown" else style.GROUPS[n % len(style.GROUPS)],
        )
        for n, name in enumerate(names)
    ]
    rests_on = ("feedback", "wallet surveys")
    return bars(
        "defections_trend", "defections_summary_monthly", months, parts, night, texts, rests_on=rests_on
    )


def schedule(night: Night, texts: Texts) -> Chart:
    """Each month's contacts by what became of them."""
    months = by_month(night.rows["schedule_trend"])
    parts = [Part(name, texts(f"schedule.{name}"), colour) for name, colour in CARE.items()]
    rests_on = ("contacts", "consent and contact details")
    return bars(
        "schedule_trend", "care_schedule", months, parts, night, texts, are_shares=True, rests_on=rests_on
    )


def wallet(night: Night, texts: Texts) -> Chart:
    """The share of wallet by month, of those who told of their wallet and of those who did not."""
    rows = night.rows["wallet_trend"] or []
    months = by_month([row for row in rows if row["amount"] is not None])
    found = {name for shares in months.values() for name in shares}
    parts = [
        Part(name, texts(f"wallet_trend.{name}"), colour)
        for name, colour in (("surveyed", style.BLUE), ("benchmark", style.GREY))
        if name in found
    ]
    return lines(
        "wallet_trend", "share_of_wallet_monthly", months, parts, night, texts,
        say=style.percent, axis=axes.axis(tickformat=".0%", rangemode="tozero", title=texts("wallet.y")),
        rests_on=("wallet surveys",),
    )  # fmt: skip
