"""Whom to contact: what is due by the care policy, how, whether it was done, how urgent it is and what to talk about.

Where the definitions leave a choice:
- The tier is the as-of month's. A tier with rows of its own in the policy has those only; `all` is every other tier but
  `lapsed`, and who has no tier row is in none.
- The last 20 days before the as-of date begin 19 days before it, as the last 12 months begin a day later a year before.
- A contact can be served from 5 days before it is due to 15 days after. Of the contacts of the schedule that an
  interaction can serve, it serves the nearest; so a contact may be served by several, and counts as done if one was in time.
- What was done before it is due is done, not upcoming. An anniversary of 29 February is 28 February in other years.
- A birthday is fulfilled as a message is, and takes no interaction from other contacts: they would tell of it.
- The latest inbound contact is the latest that names its channel.
- An open complaint of the last 90 days is one given in them. At risk is the status `at_risk` alone. The top rank is that of
  the policy in force in the as-of month.
- Headroom is of a category, never of `all`. Points expiring are those left in lots that expire by the end of the month
  after the as-of month.
- Near a bound is at most 10 % of it away: below the next better tier's, or on either side of the own tier's above 0 (a
  tier may be held below its bound). `new` and `lapsed` have no bounds.
- Without talking points the column is null.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from .feedback import Said
from .history import Customer, Settings, is_null, month_of
from .lines import local_day, moment
from .talking import facts

CARE = ["customer_id", "contact_kind", "due_date", "channel", "status", "priority", "talking_points"]

FULFILLING = {
    "message": {"message", "email", "mail"},
    "birthday": {"message", "email", "mail"},
    "call": {"call"},
    "long_call": {"call"},
    "review": {"review", "visit", "call"},
}
"""The kinds of interaction that serve a contact of a kind."""
SHOWN = {"review": (30, 30), "birthday": (14, 5)}
"""Days before and after an anniversary during which the contact is in the schedule."""
LOOK_BACK_DAYS = 20


@dataclass
class Contact:
    """One contact that is due, and how many days after its due date (negative: before) it was served."""

    customer_id: str
    kind: str
    due: date
    policy_channel: str
    served: list[int]


def care_schedule(
    customers: list[Customer],
    masters: pd.DataFrame,
    interactions: pd.DataFrame,
    said: list[Said],
    marts: Mapping[str, pd.DataFrame],
    care_policy: list[dict[str, Any]],
    tier_policy: pd.DataFrame,
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """Customer x due contact; birthdays too, which the published mart leaves out.

    Args:
        customers: those with a purchase day.
        masters: customer_id, registered_on, birth_date, preferred_channel, is_marketing_consent, one row each.
        interactions: interaction_id, customer_id, interaction_at (UTC), direction, channel, kind.
        said: the feedback as of the date.
        marts: customer_tiers_monthly, customer_retention, share_of_wallet_monthly and points_ledger.
        care_policy: tier, contact_kind, day, channel.
        tier_policy: valid_from, tier, tier_rank, lower_bound.
        settings: the windows and bounds.
        as_of_date: today.
    """
    month = month_of(as_of_date)
    tiers = {
        row["customer_id"]: row
        for row in marts["customer_tiers_monthly"].to_dict("records")
        if month_of(row["month"]) == month
    }
    about = {row["customer_id"]: row for row in masters.to_dict("records")}
    met = _met(interactions, settings, as_of_date)
    codes, urgent = facts(tiers, said, marts, tier_policy, settings, as_of_date)
    rows = []
    for customer in customers:
        who = customer.customer_id
        master, assessed = about.get(who, {}), tiers.get(who)
        consent = master.get("is_marketing_consent")
        if assessed is None or is_null(consent) or not consent:
            continue
        due = _due(customer, master, rules_of(care_policy, assessed["tier"]), settings, as_of_date)
        outbound = [row for row in met[who] if row["direction"] == "outbound"]
        for is_birthday in (False, True):
            _serve(
                [contact for contact in due if (contact.kind == "birthday") == is_birthday],
                outbound,
                settings,
            )
        channels = [row["channel"] for row in met[who] if row["direction"] == "inbound"]
        named = [
            channel
            for channel in (master.get("preferred_channel"), *reversed(channels))
            if not is_null(channel)
        ]
        points = codes.get(who, [])
        for contact in due:
            by_phone = contact.kind in ("call", "long_call")
            rows.append(
                {
                    "customer_id": who,
                    "contact_kind": contact.kind,
                    "due_date": contact.due,
                    "channel": "phone" if by_phone else named[0] if named else contact.policy_channel,
                    "status": _status(contact, settings, as_of_date),
                    "priority": urgent.get(who, 4 if points else 5),
                    "talking_points": ",".join(points) or None,
                }
            )
    return pd.DataFrame(rows, columns=CARE, dtype=object)


def rules_of(care_policy: list[dict[str, Any]], tier: str) -> list[dict[str, Any]]:
    """The policy's rows for a tier: its own, else those of `all`, which `lapsed` is not among."""
    own = [rule for rule in care_policy if rule["tier"] == tier]
    return own or [rule for rule in care_policy if rule["tier"] == "all" and tier != "lapsed"]


def _due(
    customer: Customer,
    master: Mapping[str, Any],
    rules: list[dict[str, Any]],
    settings: Settings,
    as_of_date: date,
) -> list[Contact]:
    first, length = customer.days[0], settings.care_cycle_days
    cycle = (as_of_date - first).days // length
    due = []
    for rule in rules:
        days = []
        if rule["contact_kind"] in SHOWN:
            own = master.get("registered_on" if rule["contact_kind"] == "review" else "birth_date")
            before, after = SHOWN[rule["contact_kind"]]
            days = [
                day for day in anniversaries(own, as_of_date) if -before <= (as_of_date - day).days <= after
            ]
        else:
            for number in (cycle - 1, cycle):
                day = first + timedelta(days=number * length + int(rule["day"]) - 1)
                is_recent = as_of_date - timedelta(days=LOOK_BACK_DAYS) < day <= as_of_date
                if number == cycle or (number >= 0 and is_recent):
                    days.append(day)
        due += [Contact(customer.customer_id, rule["contact_kind"], day, rule["channel"], []) for day in days]
    return due


def anniversaries(day: object, as_of_date: date) -> list[date]:
    """The anniversaries of a day in the years around the as-of date, the day itself left out."""
    if is_null(day):
        return []
    start = pd.Timestamp(day).date()  # type: ignore[arg-type]
    found = []
    for year in range(max(start.year + 1, as_of_date.year - 1), as_of_date.year + 2):
        length = calendar.monthrange(year, start.month)[1]
        found.append(date(year, start.month, min(start.day, length)))
    return found


def _met(interactions: pd.DataFrame, settings: Settings, as_of_date: date) -> dict[str, list[dict[str, Any]]]:
    """Each customer's interactions up to the as-of date, in their order, with their day."""
    met: dict[str, list[dict[str, Any]]] = defaultdict(list)
    timed = []
    for row in interactions.to_dict("records"):
        at = moment(row["interaction_at"])
        assert at is not None
        timed.append((at, row["interaction_id"], row | {"day": local_day(at, settings.timezone)}))
    for *_, row in sorted(timed, key=lambda found: found[:2]):
        if row["day"] <= as_of_date:
            met[row["customer_id"]].append(row)
    return met


def _serve(due: list[Contact], outbound: list[dict[str, Any]], settings: Settings) -> None:
    """Give each interaction to the nearest contact that it can serve."""
    for row in outbound:
        reached = []
        for contact in due:
            late = (row["day"] - contact.due).days
            if (
                row["kind"] in FULFILLING[contact.kind]
                and -settings.care_on_time_days <= late <= settings.care_late_days
            ):
                reached.append((abs(late), contact.due, contact.kind, contact, late))
        if reached:
            *_, contact, late = min(reached, key=lambda found: found[:3])
            contact.served.append(late)


def _status(contact: Contact, settings: Settings, as_of_date: date) -> str:
    if any(abs(late) <= settings.care_on_time_days for late in contact.served):
        return "done"
    if contact.served:
        return "done_late"
    ago = (as_of_date - contact.due).days
    if ago < 0:
        return "upcoming"
    if ago <= settings.care_on_time_days:
        return "due"
    return "overdue" if ago <= settings.care_late_days else "missed"
