"""What Airflow's metadata databases keep of what tasks said: summaries, errors, notes and reasons."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.errors import LockedError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

REMOVED = "removed when a person was erased"

_JSON = json.dumps(REMOVED)
_TEXTS: dict[tuple[str, str], str | None] = {
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

    What had been overwritten or deleted before is still in a database's free pages and in its log: both are written anew.

    Raises:
        LockedError: Airflow has not let go of a database for `lock_timeout_seconds`.
    """
    databases = sorted((settings.var / "airflow").glob("*/airflow.db"))
    return sum(_blank(path, settings.lock_timeout_seconds) for path in databases)


def _blank(path: Path, timeout_seconds: float) -> int:
    try:
        with closing(sqlite3.connect(path, timeout=timeout_seconds, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            count = sum(_blank_column(connection, *place, text) for place, text in _TEXTS.items())
            count += sum(_drop_reasons(connection, *place) for place in _REASONS)
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            [(is_busy, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
        is_busy = 1
    if is_busy:
        raise LockedError(
            f"{path} is in use, and what Airflow keeps of tasks' messages could not be taken out of it within "
            f"{timeout_seconds:g} s (MAINSTAY_LOCK_TIMEOUT_SECONDS); end `mainstay up` and what else runs, and run again"
        )
    return count


def _has(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether this version of Airflow has the column."""
    return column in [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def _blank_column(connection: sqlite3.Connection, table: str, column: str, text: str | None) -> int:
    if not _has(connection, table, column):
        return 0
    done = connection.execute(
        f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" IS NOT NULL AND "{column}" IS NOT ?',
        [text, text],
    )
    return done.rowcount


def _drop_reasons(connection: sqlite3.Connection, table: str, column: str) -> int:
    if not _has(connection, table, column):
        return 0
    done = connection.execute(
        f'UPDATE "{table}" SET "{column}" = json_set("{column}", \'$.reason\', NULL) '
        f"WHERE json_extract(\"{column}\", '$.reason') IS NOT NULL"
    )
    return done.rowcount
