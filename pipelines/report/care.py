"""Chart of care: what of the contacts whose day has come was made, and whom to call tomorrow, by tier, in sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import style
from pipelines.report.programme_rows import OPEN, STATUSES
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

COLOURS = {
    "done": style.GREEN,
    "done_late": "#a9cfb8",
    "due": style.BLUE,
    "overdue": style.ORANGE,
    "missed": "#c44e52",
}
"""Each status of a contact whose day has come, with its colour."""

_RESTS_ON = ("contacts", "consent and contact details")


def schedule(night: Night, texts: Texts) -> Chart:
    """Each tier's contacts by what became of them."""
    title, rows = texts("schedule.title"), night.rows["schedule"]
    if rows is None:
        return style.missing("schedule", title, "care_schedule", rows, texts)
    if not rows:
        return Chart("schedule", title, why_not=(texts("schedule.nobody"),))
    by_tier = {row["tier"]: row for row in rows}
    codes = night.tiers.sorted(set(by_tier))
    past = {code: sum(by_tier[code][status] for status in STATUSES) for code in codes}
    table = _table(night, codes, by_tier, texts)
    drawn = [code for code in codes if past[code]]
    if not drawn:
        reason = texts("schedule.too_early", upcoming=texts.number(sum(row["upcoming"] for row in rows)))
        return Chart("schedule", title, why_not=(reason,), table=table, rests_on=_RESTS_ON)
    parts = [
        (texts(f"schedule.{status}"), colour, {code: by_tier[code][status] for code in drawn})
        for status, colour in COLOURS.items()
    ]
    said = [texts.number(past[code]) for code in drawn]
    figure = style.tier_shares(night, drawn, parts, texts, wholes=past, height=120, said=said)
    return Chart(
        "schedule",
        title,
        texts("schedule.read", in_time=night.care_days[0], late=night.care_days[1]),
        texts("schedule.alt"),
        figure,
        table=table,
        finding=_finding(night, rows, sum(past.values()), texts),
        rests_on=_RESTS_ON,
    )


def _finding(night: Night, rows: list[dict[str, Any]], past: int, texts: Texts) -> str:
    sums = {name: sum(row[name] for row in rows) for name in (*STATUSES, "customers", "unreachable")}
    made = sums["done"] + sums["done_late"]
    found = texts(
        "schedule.finding",
        as_of=texts.day(night.published.as_of_date),
        **{name: texts.number(sums[name]) for name in (*OPEN, "customers", "missed")},
        past=texts.number(past),
        rate=style.percent(made / past, 0),
    )
    if sums["unreachable"]:
        found += texts("schedule.unreachable", count=texts.number(sums["unreachable"]))
    return found


def _table(night: Night, codes: list[str], by_tier: dict[str, dict[str, Any]], texts: Texts) -> Table:
    names = ("customers", "due", "overdue", "missed", "done", "done_late", "upcoming")
    rows = [
        (night.tiers.label(code, texts), *(texts.number(by_tier[code][name]) for name in names))
        for code in codes
    ]
    sums = (texts.number(sum(row[name] for row in by_tier.values())) for name in names)
    return Table(
        (texts("column.tier"), *(texts(f"schedule.{name}") for name in names)),
        [*rows, (texts("tiers.all"), *sums)],
    )
