"""Defectors: every lapse, why, what it cost, who was won back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pandas as pd

from .feedback import Said, tiers_by_month
from .history import Customer, Settings, month_of, months_before, quantile
from .leaving import RULES, Known
from .lines import Ledger, between, local_day, moment, net_of, profit_of
from .retention import Thresholds, gap_curve, thresholds
from .wallet import Answer

DEFECTIONS = [
    "customer_id", "lapse_number", "last_purchase_date", "lapse_date", "tier_before", "yearly_value_lost",
    "yearly_profit_lost", "p_alive", "reason", "other_reasons", "reason_basis", "evidence_ids", "recoverability",
    "recoverability_reason", "first_contacted_date", "contacts", "won_back_date", "won_back_days",
    "won_back_revenue_180d", "is_won_back_complete", "is_open", "is_defection",
]  # fmt: skip

WON_BACK_DAYS = 180


@dataclass(frozen=True)
class Lapse:
    """One lapse: the purchase before it, its date, the return that ended it and the return before it."""

    number: int
    last_purchase: date
    day: date
    back: date | None
    previous_back: date | None


def lapses(customer: Customer, limit: Thresholds, as_of_date: date) -> list[Lapse]:
    """As in the flows: a purchase on the lapse date itself is a lapse and a return."""
    found: list[Lapse] = []
    for place, day in enumerate(customer.days):
        lapse = limit.lapse_date(day)
        following = customer.days[place + 1] if place + 1 < len(customer.days) else None
        if lapse > as_of_date or (following is not None and following < lapse):
            continue
        previous = found[-1].back if found else None
        found.append(Lapse(len(found) + 1, day, lapse, following, previous))
    return found


def contacts_of(interactions: pd.DataFrame, settings: Settings, as_of_date: date) -> dict[str, list[date]]:
    """Business dates of the outbound interactions without campaign mailings, by customer."""
    contacts: dict[str, list[date]] = defaultdict(list)
    for row in interactions.to_dict("records"):
        at = moment(row["interaction_at"])
        assert at is not None
        day = local_day(at, settings.timezone)
        if day <= as_of_date and row["direction"] == "outbound" and row["kind"] != "campaign_mailing":
            contacts[row["customer_id"]].append(day)
    return contacts


def defections(
    customers: list[Customer],
    lines: Ledger,
    said: list[Said],
    surveys: dict[tuple[str, str], list[Answer]],
    interactions: pd.DataFrame,
    tiers: pd.DataFrame,
    p_alive: Mapping[str, float | None],
    topics: Mapping[str, str],
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """A row per customer and lapse.

    Args:
        customers: those with a purchase day.
        lines: their lines.
        said: feedback, oldest first.
        surveys: by customer and category their wallet surveys, oldest first.
        interactions: customer_id, interaction_at, direction, kind.
        tiers: the frame of customer_tiers_monthly.
        p_alive: as customer_retention publishes it.
        topics: the reason that a topic names.
        settings: the thresholds.
        as_of_date: the run's date.
    """
    if not customers:
        return pd.DataFrame(columns=DEFECTIONS)
    curve, held = gap_curve(customers, as_of_date), tiers_by_month(tiers)
    contacts = contacts_of(interactions, settings, as_of_date)
    # The history of behaviour begins with the first line that has a customer.
    data_start = min(line.day for own in lines.values() for line in own)
    by_customer: dict[str, list[Said]] = defaultdict(list)
    for s in said:
        by_customer[s.customer_id or ""].append(s)
    rows = []
    for customer in customers:
        who = customer.customer_id
        for lapse in lapses(customer, thresholds(customer, curve, settings), as_of_date):
            known = Known(
                last_purchase=lapse.last_purchase,
                lapse=lapse.day,
                back=lapse.back,
                previous_back=lapse.previous_back,
                lines=lines[who],
                said=by_customer.get(who, []) if who else [],
                surveys=surveys.get((who, "all"), []),
                topics=topics,
                settings=settings,
                as_of_date=as_of_date,
                data_start=data_start,
            )
            year = between(lines[who], year_before(lapse.last_purchase), lapse.last_purchase)
            rows.append(
                {
                    "customer_id": who,
                    "lapse_number": lapse.number,
                    "last_purchase_date": lapse.last_purchase,
                    "lapse_date": lapse.day,
                    "tier_before": held[who, month_of(lapse.last_purchase)],
                    "yearly_value_lost": net_of(year),
                    "yearly_profit_lost": profit_of(year),
                    "p_alive": p_alive.get(who) if lapse.back is None else None,
                    **reasons(known),
                    "returned_share": returned(year)[0],
                    "returned_lines": returned(year)[1],
                    **_won_back(lapse, lines[who], contacts.get(who, []), settings, as_of_date),
                }
            )
    _recover(rows, settings, as_of_date)
    return pd.DataFrame(rows, columns=DEFECTIONS).astype(object)


def year_before(day: date) -> date:
    """The first of the 12 months that end on a day."""
    return months_before(day, 12) + timedelta(days=1)


def reasons(known: Known) -> dict[str, object]:
    """The first rule that holds gives the reason; further ones give other reasons, in order, distinct."""
    held = [(basis, *found) for basis, rule in RULES if (found := rule(known)) is not None]
    if not held:
        return {"reason": "unknown", "other_reasons": None, "reason_basis": "none", "evidence_ids": None}
    basis, reason, evidence = held[0]
    others = [other for other in dict.fromkeys(other for _, other, _ in held[1:]) if other != reason]
    return {
        "reason": reason,
        "other_reasons": ",".join(others) or None,
        "reason_basis": basis,
        "evidence_ids": ",".join(sorted(evidence)) or None,
    }


def returned(year: list) -> tuple[Fraction, int]:
    """What of gross spend was sent back, and on how many lines."""
    back = [line for line in year if line.net < 0]
    gross = net_of([line for line in year if line.net > 0])
    return -net_of(back) / gross, len(back)


def _won_back(
    lapse: Lapse, lines: list, contacts: list[date], settings: Settings, as_of_date: date
) -> dict[str, object]:
    """Contacts from the lapse to the day before the return, and what the return brought."""
    end = as_of_date if lapse.back is None else lapse.back - timedelta(days=1)
    made = [day for day in contacts if lapse.day <= day <= end]
    row: dict[str, object] = {
        "first_contacted_date": min(made, default=None),
        "contacts": len(made),
        "is_open": lapse.back is None,
        "is_defection": lapse.back is None
        or (lapse.back - lapse.last_purchase).days >= settings.defection_min_days,
    }
    if lapse.back is None:
        nothing = ("won_back_date", "won_back_days", "won_back_revenue_180d")
        return row | dict.fromkeys(nothing) | {"is_won_back_complete": False}
    last = lapse.back + timedelta(days=WON_BACK_DAYS - 1)
    return row | {
        "won_back_date": lapse.back,
        "won_back_days": (lapse.back - lapse.day).days,
        "won_back_revenue_180d": net_of(between(lines, lapse.back, last)),
        "is_won_back_complete": last <= as_of_date,
    }


def _recover(rows: list[dict], settings: Settings, as_of_date: date) -> None:
    """Recoverability as of the run; of a closed lapse on the day of its return."""
    lost = [row["yearly_value_lost"] for row in rows if row["is_open"]]
    median = quantile(lost, 0.5) if lost else None
    for row in rows:
        when = as_of_date if row["is_open"] else row["won_back_date"]
        is_sent_back = (
            row["returned_share"] > Fraction(str(settings.defection_return_share))
            and row["returned_lines"] >= settings.defection_return_lines
        )
        if row["yearly_profit_lost"] < 0:
            answer = "not_wanted", "negative_profit"
        elif is_sent_back:
            answer = "not_wanted", "returns"
        elif row["reason"] == "moved_away":
            answer = "unlikely", "moved_away"
        elif (when - row["lapse_date"]).days > settings.defection_long_lapsed_days:
            answer = "unlikely", "long_lapsed"
        elif row["reason"] == "habit_change":
            answer = "possible", "habit_change"
        elif row["reason"] == "unknown":
            answer = "possible", "unknown_reason"
        elif median is not None and row["yearly_value_lost"] >= median:
            answer = "likely", "known_reason_and_value"
        else:
            answer = "possible", "low_value"
        row["recoverability"], row["recoverability_reason"] = answer
