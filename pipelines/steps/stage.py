"""Stage: the policy seeds, and the staging views over raw."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.steps.record import context_of, recorded, transformed
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def stage(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the policy seeds and the staging views."""
    from pipelines.load.tables import create_tables

    def work() -> Summary:
        with closing(connect(settings)) as connection:
            create_tables(connection, settings)
        return transformed(settings, run_id, "stage", as_of, context_of(settings), say)

    return recorded(settings, run_id, "stage", work, say)
