"""What Airflow's metadata databases keep of what tasks said: summaries, errors, notes and reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.forget.sqlite_texts import REMOVED, Texts, blank, cleared, has

if TYPE_CHECKING:
    import sqlite3

    from pipelines.settings import Settings

_JSON = json.dumps(REMOVED)
_TEXTS: Texts = {
    ("xcom", "value"): _JSON,
    ("log", "extra"): None,
    ("asset_event", "extra"): "{}",
    ("rendered_task_instance_fields", "rendered_fields"): "{}",
    ("task_instance", "retry_reason"): None,
    ("task_instance_history", "retry_reason"): None,
    ("task_instance_note", "content"): None,
    ("dag_run_note", "content"): None,
    ("dag_warning", "message"): REMOVED,
    ("import_error", "stacktrace"): REMOVED,
    ("callback", "output"): None,
}
"""Texts, and what stands in their place; rows and their states stay, as a run that goes on needs them."""
_REASONS = (("dag_run", "conf"), ("backfill", "dag_run_conf"))
"""Parameters of runs: of those of a backfill the reason is free text."""


def blank_airflow(settings: Settings) -> int:
    """Blank the texts in the databases of `mainstay nightly` and `mainstay up`, also while these run; gives how many.

    Raises:
        LockedError: Airflow has not let go of a database for `lock_timeout_seconds`.
    """
    return sum(
        cleared(
            path,
            _blank_all,
            settings.lock_timeout_seconds,
            "what Airflow keeps of tasks' messages",
            "`mainstay up` and what else runs",
        )
        for path in sorted((settings.var / "airflow").glob("*/airflow.db"))
    )


def _blank_all(connection: sqlite3.Connection) -> int:
    return blank(connection, _TEXTS) + sum(_drop_reasons(connection, *place) for place in _REASONS)


def _drop_reasons(connection: sqlite3.Connection, table: str, column: str) -> int:
    if not has(connection, table, column):
        return 0
    done = connection.execute(
        f'UPDATE "{table}" SET "{column}" = json_set("{column}", \'$.reason\', NULL) '
        f"WHERE json_extract(\"{column}\", '$.reason') IS NOT NULL"
    )
    return done.rowcount
