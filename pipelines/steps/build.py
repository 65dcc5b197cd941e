"""Build: the intermediate models and the marts that rest on no fitted model."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.errors import BuildError
from pipelines.steps.record import context_of, recorded, transformed
from pipelines.steps.stage import stage
from pipelines.steps.validate import validate_loaded
from pipelines.warehouse import stale
from pipelines.warehouse.connection import connect
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.reconcile import require_reconciled
from pipelines.warehouse.standing import date_of_marts, is_staged, last_step, unvalidated

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def build(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the intermediate models and the marts but those that rest on fitted models, and run their dbt tests.

    Another run may have loaded or staged since this one did: what was loaded and not validated is validated first,
    and staging is made anew if it is of another date or other policies.

    Raises:
        ValidationFailedError: something was loaded that has not passed the raw expectations, or `raw` has not the rows
            that the ledger says were loaded; nothing is built on it.
        BuildError: a model or a test failed.
    """
    context = context_of(settings)
    with warehouse_lock(settings, "build", run_id, on_wait=say):
        what = _prepared(settings, run_id, as_of, context, say)
        if say is not None:
            say(f"building {'all dates' if what.is_full else f'{what.stale_dates:,} dates'}: {what.reason}")

        def work() -> Summary:
            done = transformed(settings, run_id, "build", as_of, context, say, full_refresh=what.is_full)
            return {**done, **what.as_dict()}

        return recorded(settings, run_id, "build", work, say, on_success=stale.note_built)


def _prepared(settings: Settings, run_id: str, as_of: date, context: str, say: Say | None) -> stale.Rebuild:
    """Bring what must come before a build, and say what of the first aggregation it has to make anew."""
    require_reconciled(settings)
    if unvalidated(settings):
        validate_loaded(settings, run_id, say)
    if not is_staged(settings, as_of, context):
        stage(settings, run_id, as_of, say)
    with closing(connect(settings)) as connection:
        return stale.find_stale(connection, as_of, context)


def build_selected(
    settings: Settings, run_id: str, select: str, as_of: date | None = None, say: Say | None = None
) -> Summary:
    """Build some models by hand, and run their dbt tests, among marts that were built before.

    The ledger calls it `partial`: the other marts may be of other rows, models or policies, so nothing is published
    before a whole build.

    Args:
        settings: The deployment.
        run_id: The run.
        select: dbt's node selection: a model's name, with `+` after it for all that follows from it.
        as_of: The business date; default and only choice that of the marts that stand.
        say: Hears what is going on.

    Raises:
        SettingsError: no model is selected.
        ValidationFailedError: as `build`.
        BuildError: there are no marts yet, or they are of another date; or a model or a test failed.
    """
    from pipelines.transform import require_selected

    context = context_of(settings)
    with warehouse_lock(settings, "build", run_id, on_wait=say):
        standing = date_of_marts(settings)
        if as_of is not None and as_of != standing:
            raise BuildError(
                f"the marts stand as of {standing}, not {as_of}, and single ones cannot be of another date; "
                f"leave --as-of out, or run `mainstay build --as-of {as_of}`"
            )
        require_selected(settings, standing, context, select)
        what = _prepared(settings, run_id, standing, context, say)
        # What rests on fitted models can be built where they were fitted once.
        left_out = [] if last_step(settings, "fit") else ["--exclude", "source:fits+"]

        def work() -> Summary:
            done = transformed(
                settings,
                run_id,
                "build",
                standing,
                context,
                say,
                full_refresh=what.is_full,
                selection=["--select", *select.split(), *left_out],
            )
            return {**done, "selected": select}

        return recorded(settings, run_id, "build", work, say, success="partial")
