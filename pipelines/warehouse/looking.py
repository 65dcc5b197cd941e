"""Reading the warehouse for a person, so that no step is disturbed: read-only, and under the lock that steps wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING

import duckdb

from pipelines.warehouse.connection import connect
from pipelines.warehouse.ledger.tables import DDL
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from pipelines.settings import Settings

_COLUMNS = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'ops'"
_BRIEFLY_SECONDS = 1.0


@contextmanager
def looking(
    settings: Settings, what: str, on_wait: Callable[[str], None] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a read-only connection to the warehouse, whose ledger has all its tables; hold it no longer than needed.

    Args:
        settings: The deployment.
        what: Who looks, for those who wait.
        on_wait: Hears whom we wait for.

    Raises:
        LockedError: a step, or another program, has the warehouse for longer than `lock_timeout_seconds`.
    """
    with warehouse_lock(settings, what, "look", on_wait=on_wait):
        if not _has_whole_ledger(settings):  # an older Mainstay's lacks columns
            with closing(connect(settings, rows=False)) as connection:
                connection.execute(DDL)
        with closing(connect(settings, read_only=True)) as connection:
            yield connection


def briefly(settings: Settings) -> Settings:
    """The settings of someone who would rather hear that the warehouse is being written than wait for that to end."""
    patience = min(_BRIEFLY_SECONDS, settings.lock_timeout_seconds)
    return settings.model_copy(update={"lock_timeout_seconds": patience})


def _has_whole_ledger(settings: Settings) -> bool:
    with closing(connect(settings, read_only=True, rows=False)) as connection:
        return _ledger_columns() <= set(connection.execute(_COLUMNS).fetchall())


@cache
def _ledger_columns() -> frozenset[tuple[str, str]]:
    """Tables and columns of a whole ledger; `doctor` looks many times."""
    with closing(duckdb.connect()) as scratch:
        scratch.execute(DDL)
        return frozenset(scratch.execute(_COLUMNS).fetchall())
