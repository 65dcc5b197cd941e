"""Blank texts in a SQLite database of another program, also while that program runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REMOVED = "removed when a person was erased"

Texts = dict[tuple[str, str], str | None]
"""By table and column, what stands in the place of a text; rows and their states stay."""


def cleared(
    path: Path, work: Callable[[sqlite3.Connection], int], timeout_seconds: float, what: str, users: str
) -> int:
    """Do the work in one transaction and write the file anew; gives what the work gives.

    What had been overwritten or deleted before is still in a database's free pages and in its log: both are written anew.

    Args:
        path: The database.
        work: Blanks the texts and counts them.
        timeout_seconds: How long the other program may hold the database.
        what: What is kept there, for the person who is told that it could not be taken out.
        users: What that person has to end.

    Raises:
        LockedError: the other program has not let go of the database.
    """
    try:
        with closing(sqlite3.connect(path, timeout=timeout_seconds, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            count = work(connection)
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            [(is_busy, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
        is_busy = 1
    if is_busy:
        raise LockedError(
            f"{path} is in use, and {what} could not be taken out of it within {timeout_seconds:g} s "
            f"(MAINSTAY_LOCK_TIMEOUT_SECONDS); end {users}, and run again"
        )
    return count


def has(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether this version of the program has the column."""
    return column in [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def blank(connection: sqlite3.Connection, texts: Mapping[tuple[str, str], str | None]) -> int:
    """Put other texts in the place of those that are there; gives how many were others."""
    return sum(_blank_column(connection, *place, text) for place, text in texts.items())


def _blank_column(connection: sqlite3.Connection, table: str, column: str, text: str | None) -> int:
    if not has(connection, table, column):
        return 0
    done = connection.execute(
        f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" IS NOT NULL AND "{column}" IS NOT ?',
        [text, text],
    )
    return done.rowcount
