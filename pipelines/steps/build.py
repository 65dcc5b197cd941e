"""Build: the intermediate models and the marts that rest on no fitted model."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.steps.record import context_of, recorded, transformed
from pipelines.steps.stage import stage
from pipelines.steps.validate import validate_loaded
from pipelines.warehouse import stale
from pipelines.warehouse.connection import connect
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.standing import is_staged, unvalidated

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def build(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the intermediate models and the marts but those that rest on fitted models, and run their dbt tests.

    Another run may have loaded or staged since this one did: what was loaded and not validated is validated first,
    and staging is made anew if it is of another date or other policies.

    Raises:
        ValidationFailedError: something was loaded that has not passed the raw expectations; nothing is built on it.
        BuildError: a model or a test failed.
    """
    context = context_of(settings)
    with warehouse_lock(settings, "build", run_id, on_wait=say):
        if unvalidated(settings):
            validate_loaded(settings, run_id, say)
        if not is_staged(settings, as_of, context):
            stage(settings, run_id, as_of, say)
        with closing(connect(settings)) as connection:
            what = stale.find_stale(connection, as_of, context)
        if say is not None:
            say(f"building {'all dates' if what.is_full else f'{what.stale_dates:,} dates'}: {what.reason}")

        def work() -> Summary:
            done = transformed(settings, run_id, "build", as_of, context, say, full_refresh=what.is_full)
            return {**done, **what.as_dict()}

        return recorded(settings, run_id, "build", work, say, on_success=stale.note_built)
