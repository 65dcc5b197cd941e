"""Is an erasure under way that a kill interrupted? Until its rows are gone, whoever reads rows reads the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import ErasureUnfinishedError
from pipelines.warehouse.connection import scalar

if TYPE_CHECKING:
    import duckdb

RUNNING = "running"
"""State of a tombstone: somebody is being erased, and may still stand in the loaded rows and the marts."""


def require_none_erasing(connection: duckdb.DuckDBPyConnection) -> None:
    """Make sure that nobody whose erasure has begun still stands in the rows.

    Args:
        connection: To a warehouse with a whole ledger; its lock is held, so that no erasure goes on.

    Raises:
        ErasureUnfinishedError: an erasure was interrupted.
    """
    if scalar(connection, "SELECT count(*) FROM ops.tombstones WHERE state = ?", [RUNNING]):
        raise ErasureUnfinishedError(
            "an erasure was interrupted, and the rows still have the person; run `mainstay forget --resume` first"
        )
