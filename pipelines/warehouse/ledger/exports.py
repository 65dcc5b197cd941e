"""Exports: which files with personal data left the warehouse, by whom. No value of a row stands here."""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.warehouse.connection import connect
from pipelines.warehouse.ledger.tables import DDL, now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path

    from pipelines.settings import Settings


def begin_export(
    settings: Settings,
    kind: str,
    target: Path,
    *,
    run_id: str | None,
    list_date: date,
    rows: int,
    columns: Sequence[str],
) -> datetime:
    """Note an export before its file is there, so that a kill leaves no file that nobody knows of.

    Args:
        settings: The deployment, whose lock the caller holds.
        kind: What is exported.
        target: The file; its name alone is kept.
        run_id: The run that built the marts.
        list_date: The date that the list is for.
        rows: How many there are.
        columns: Their names.

    Returns:
        The moment, by which `end_export` finds the row.
    """
    moment = now()
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(DDL)
        connection.execute(
            "INSERT INTO ops.exports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'writing')",
            [
                moment,
                _user(),
                kind,
                run_id,
                list_date,
                rows,
                ",".join(columns),
                target.name,
                target.suffix[1:].lower(),
            ],
        )
    return moment


def end_export(settings: Settings, moment: datetime, status: str) -> None:
    """Note how an export ended: `written` or `failed`."""
    with closing(connect(settings, rows=False)) as connection:
        connection.execute("UPDATE ops.exports SET status = ? WHERE exported_at = ?", [status, moment])


def _user() -> str:
    """The account by its number, as the environment's USER says what it likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
