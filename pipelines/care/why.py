"""Why a customer is contacted: the talking points of the marts as whole sentences, each from the facts that it rests on."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines.showing import on_one_line

if TYPE_CHECKING:
    from datetime import date

    from pipelines.care.texts import Texts

Fact = dict[str, Any]

_NEXT_CODE = re.compile(
    r",(?=(?:open_complaint|points_expiring|at_risk|wallet_headroom:|tier_near_up|tier_near_down))"
)
"""A category may have a comma in its name."""


def sentences(fact: Fact, texts: Texts, as_of: date, currency: str, scale: int) -> str:
    """The occasion where it is the customer's own, then each talking point; without any, that it is the rhythm of care.

    Args:
        fact: A row of `FACTS`.
        texts: The language's words.
        as_of: The date of the marts.
        currency: The reporting currency.
        scale: Its decimals.
    """

    def money(amount: Any) -> str:
        return f"{currency} {abs(Decimal(amount)):,.{scale}f}"

    codes = [code.partition(":")[0] for code in _NEXT_CODE.split(fact["talking_points"] or "") if code]
    said = [_occasion(fact, texts)] if fact["contact_kind"] in ("review", "birthday") else []
    for code in codes:
        if code == "open_complaint":
            said.append(_complaint(fact, texts))
        elif code == "points_expiring":
            said.append(_points(fact, texts))
        elif code == "at_risk":
            said.append(_at_risk(fact, texts, as_of))
        elif code == "wallet_headroom" and fact["headroom"] is not None:
            category = on_one_line(fact["headroom_category"])
            said.append(texts("why", "wallet_headroom", category=category, headroom=money(fact["headroom"])))
        elif code in ("tier_near_up", "tier_near_down"):
            said.append(_near(code, fact, texts, money))
    told = [sentence for sentence in said if sentence]
    return texts("cell", "between").join(told or [_occasion(fact, texts)])


def _occasion(fact: Fact, texts: Texts) -> str:
    kind = fact["contact_kind"]
    key = kind if kind in ("review", "birthday") else "rhythm"
    return texts(
        "why",
        key,
        kind=texts.known("contact_kind", kind),
        due_date=fact["due_date"],
        registered_on=fact["registered_on"],
    )


def _complaint(fact: Fact, texts: Texts) -> str:
    if not fact["complaints"]:
        return ""
    key = "open_complaint" if fact["complaints"] == 1 else "open_complaints"
    topic = on_one_line(fact["topic"] or "").replace("_", " ")
    return texts(
        "why",
        key if topic else f"{key}_no_topic",
        topic=topic,
        count=fact["complaints"],
        complaint_date=fact["complaint_date"],
    )


def _points(fact: Fact, texts: Texts) -> str:
    if not fact["points"]:
        return ""
    key = "points_expiring" if fact["first_expiry"] == fact["last_expiry"] else "points_expiring_from"
    dates = {"first_expiry": fact["first_expiry"], "last_expiry": fact["last_expiry"]}
    return texts("why", key, points=f"{fact['points']:,}", **dates)


def _at_risk(fact: Fact, texts: Texts, as_of: date) -> str:
    if fact["recency_days"] is None:
        return ""
    since, usual, bound = (fact[name] for name in ("recency_days", "median_gap_days", "at_risk_after_days"))
    if usual is not None:
        return texts("why", "at_risk", since=texts.days(since), as_of=as_of, usual=texts.days(usual))
    return texts("why", "at_risk_no_usual", since=texts.days(since), as_of=as_of, bound=texts.days(bound))


def _near(code: str, fact: Fact, texts: Texts, money: Any) -> str:
    side = "upper" if code == "tier_near_up" else "own"
    bound, spend = fact[f"{side}_bound"], fact["avg_monthly_spend"]
    if bound is None or spend is None or (side == "upper" and spend >= bound):
        return ""
    key = code if side == "upper" or spend >= bound else "tier_below"
    return texts(
        "why",
        key,
        amount=money(bound - spend),
        tier=on_one_line(fact[f"{side}_{texts.language}"]),
        bound=money(bound),
    )
