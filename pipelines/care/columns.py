"""The columns of the list, and a contact's facts as their values: words in the list's language, figures as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.care.texts import LANGUAGES
from pipelines.care.why import sentences
from pipelines.showing import on_one_line

if TYPE_CHECKING:
    from datetime import date

    from pipelines.care.texts import Texts

__all__ = ["COLUMNS", "LANGUAGES", "PERSONAL", "row_of"]

COLUMNS = (
    "priority",
    "customer_id",
    "name",
    "tier",
    "contact_kind",
    "due_date",
    "status",
    "why",
    "channel",
    "phone",
    "email",
    "reachable",
    "birthday",
    "consent",
    "last_contact_date",
    "last_contact_kind",
    "last_contact_direction",
    "revenue_12m",
    "profit_12m",
    "expected_profit_12m",
    "expected_lifetime_profit",
)

PERSONAL = ("name", "phone", "email", "birthday")
"""Columns that stand in a file and nowhere else."""

_NEEDS = {"phone": "phone", "message": "phone", "email": "email", "mail": "address"}
"""What must be known of a customer for a channel; the others need nothing, as in the marts."""


def row_of(fact: dict[str, Any], texts: Texts, as_of: date, currency: str, scale: int) -> dict[str, Any]:
    """A contact's row, by `COLUMNS`; text on one line, None where nothing is known."""
    known = {name: on_one_line(fact[name] or "") or None for name in ("phone", "email")}
    need = _NEEDS.get(fact["channel"] or "")
    # What the channel needs and no more; where it is missing, or another thing is needed, what there is.
    shown = {need: known[need]} if need in known and fact["is_reachable"] else known
    is_birthday = fact["contact_kind"] == "birthday" and fact["birth_date"] is not None
    row = {
        "priority": fact["priority"],
        "customer_id": fact["customer_id"],
        "name": fact["full_name"],
        "tier": fact[f"tier_{texts.language}"] or fact["tier"],
        "contact_kind": texts.known("contact_kind", fact["contact_kind"]),
        "due_date": fact["due_date"],
        "status": texts.known("status", fact["status"]),
        "why": sentences(fact, texts, as_of, currency, scale),
        "channel": texts.known("channel", fact["channel"]),
        "phone": shown.get("phone"),
        "email": shown.get("email"),
        "reachable": _reachable(fact, need, known, texts),
        "birthday": texts("cell", "birthday", date=fact["birth_date"]) if is_birthday else None,
        "consent": texts("consent", "given"),
        "last_contact_date": fact["last_contact_date"],
        "last_contact_kind": texts.known("interaction", fact["last_contact_kind"]),
        "last_contact_direction": texts.known("direction", fact["last_contact_direction"]),
        "revenue_12m": fact["revenue_12m"],
        "profit_12m": fact["profit_12m"],
        "expected_profit_12m": fact["expected_profit_12m"],
        "expected_lifetime_profit": fact["expected_lifetime_profit"],
    }
    return {
        name: on_one_line(value) or None if isinstance(value, str) else value for name, value in row.items()
    }


def _reachable(fact: dict[str, Any], need: str | None, known: dict[str, str | None], texts: Texts) -> str:
    if fact["is_reachable"]:
        return texts("reachable", "yes" if need else "itself")
    instead = next((name for name, value in known.items() if value), None)
    if instead is None or need is None:
        return texts("reachable", "nothing")
    return texts(
        "reachable",
        "other_way",
        missing=texts("contact_data", need),
        instead=texts("contact_data", instead),
    )
