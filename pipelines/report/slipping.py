"""Charts of who is slipping: customers won and lost by month, and where each tier's customers stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import axes, style
from pipelines.report.limits import MONTHS
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts

STATUSES = {
    "active": style.BLUE,
    "new": "#8db4d9",
    "reactivated": style.GREEN,
    "at_risk": style.ORANGE,
    "lapsed": style.GREY,
}
"""Statuses of `customer_retention`, from safe to gone, and their colours."""


def flows(night: Night, texts: Texts) -> Chart:
    """Customers won and won back above the line, lapsed ones below it, month by month."""
    title, found = texts("flows.title"), night.rows["flows"]
    if not found:
        return style.missing("flows", title, "retention_flows_monthly", found, texts)
    # In the first month of the data everyone is new, which says nothing and would dwarf the rest.
    rows = (found[1:] if len(found) > 1 else found)[-MONTHS:]
    months = [row["month"] for row in rows]
    last = next((row for row in reversed(rows) if row["is_complete_month"]), rows[-1])
    parts = (("new", style.BLUE, 1), ("reactivated", style.GREEN, 1), ("lapsed", style.ORANGE, -1))
    bars = [
        style.bar(
            name=texts(f"flows.{name}"),
            x=list(range(len(rows))),
            y=[sign * row[name] for row in rows],
            customdata=[texts.number(row[name]) for row in rows],
            hovertemplate="%{customdata}",
            marker={"color": colour},
        )
        for name, colour, sign in parts
    ]
    figure = style.figure(
        bars,
        height=320,
        barmode="relative",
        bargap=0.25,
        xaxis=axes.months(months, texts),
        yaxis=axes.counts(
            -max(row["lapsed"] for row in rows),
            max(row["new"] + row["reactivated"] for row in rows),
            texts,
            **{"title": texts("column.customers"), "zeroline": True, "zerolinecolor": "#8a9099"},
        ),
    )
    table = Table(
        (
            texts("column.month"),
            *(texts(f"flows.{name}") for name in ("opening", "new", "reactivated", "lapsed", "closing")),
            texts("flows.retention"),
        ),
        [
            (
                texts.month_in_table(row["month"]),
                *(texts.number(row[name]) for name in ("opening", "new", "reactivated", "lapsed", "closing")),
                style.percent(row["retention_rate"]),
            )
            for row in reversed(rows)
        ],
    )
    finding = texts(
        "flows.finding",
        month=night.month_of([last], texts),
        **{name: texts.number(last[name]) for name in ("new", "reactivated", "lapsed", "closing")},
        rate=style.percent(last["lapsed"] / last["opening"] if last["opening"] else None),
    )
    return Chart(
        "flows", title, texts("flows.read"), texts("flows.alt"), figure, table=table, finding=finding
    )


def status(night: Night, texts: Texts) -> Chart:
    """Each tier's customers by status, and what those at risk are worth."""
    title, rows = texts("status.title"), night.rows["status"]
    if not rows:
        return style.missing("status", title, "customer_retention", rows, texts)
    cells = {(row["tier"], row["status"]): row for row in rows}
    codes = night.tiers.sorted({row["tier"] for row in rows})
    # Whoever left the tiers has lapsed: a bar of one colour, which the table alone has.
    drawn = [code for code in codes if code != "lapsed"] or codes
    total = {code: sum(row["customers"] for row in rows if row["tier"] == code) for code in codes}
    parts = [
        (texts(f"status.{name}"), colour, {code: _count(cells, code, name) for code in drawn})
        for name, colour in STATUSES.items()
    ]
    figure = style.tier_shares(night, drawn, parts, texts, wholes=total, height=100)
    at_risk = [row for row in rows if row["status"] == "at_risk"]
    values = {row["tier"]: row["yearly_value"] for row in at_risk}
    table = Table(
        (
            texts("column.tier"),
            *(texts(f"status.{name}") for name in STATUSES),
            texts("status.value"),
        ),
        [
            (
                night.tiers.label(code, texts),
                *(texts.number(_count(cells, code, name)) for name in STATUSES),
                texts.number(values.get(code, 0.0)),
            )
            for code in codes
        ],
    )
    finding = texts("status.nobody")
    if values:
        most = max(codes, key=lambda code: values.get(code, 0.0))
        finding = texts(
            "status.finding",
            customers=texts.number(sum(row["customers"] for row in at_risk)),
            value=texts.number(sum(values.values())),
            tier=night.tiers.label(most, texts),
            tier_value=texts.number(values[most]) if most in values else "–",
        )
    return Chart(
        "status", title, texts("status.read"), texts("status.alt"), figure, table=table, finding=finding
    )


def _count(cells: dict[tuple[str, str], dict[str, Any]], tier: str, name: str) -> int:
    return int(cells[tier, name]["customers"]) if (tier, name) in cells else 0
