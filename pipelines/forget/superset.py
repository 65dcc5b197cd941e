"""What the Superset of `mainstay bi` keeps of what people typed: a customer number in a filter or a query, for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.forget.sqlite_texts import REMOVED, Texts, blank, cleared, has

if TYPE_CHECKING:
    import sqlite3

    from pipelines.settings import Settings

_TEXTS: Texts = {
    ("query", "sql"): "",
    ("query", "select_sql"): None,
    ("query", "executed_sql"): None,
    ("query", "error_message"): None,
    ("query", "extra_json"): None,
    ("query", "tab_name"): None,
    ("logs", "json"): None,
    ("logs", "referrer"): None,
    ("tab_state", "label"): REMOVED,
    ("tab_state", "sql"): "",
    ("tab_state", "extra_json"): None,
    ("tab_state", "template_params"): None,
    ("report_execution_log", "value_row_json"): None,
    ("report_execution_log", "error_message"): None,
}
"""Texts, and what stands in their place. SQL Lab wants a text where its own queries were."""
_LINKS = ("key_value", "resource")
"""States of filters, charts that are being explored, and links to either, by which of them it is."""
_SALTS = "app"
"""What Superset makes its links with, of nobody's typing."""


def blank_superset(settings: Settings) -> int:
    """Blank the texts in Superset's own database, also while it runs; gives how many, and states and links that went.

    Charts, queries and datasets that somebody saved stay as they are: they are somebody's work.

    Raises:
        LockedError: Superset has not let go of its database for `lock_timeout_seconds`.
    """
    path = settings.var / "bi" / "superset.db"
    if not path.is_file():
        return 0
    return cleared(
        path, _blank_all, settings.lock_timeout_seconds, "what people typed into Superset", "`mainstay bi`"
    )


def _blank_all(connection: sqlite3.Connection) -> int:
    count = blank(connection, _TEXTS)
    if has(connection, *_LINKS):
        table, column = _LINKS
        count += connection.execute(f'DELETE FROM "{table}" WHERE "{column}" <> ?', [_SALTS]).rowcount
    return count
