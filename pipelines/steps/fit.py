"""Fit: the models of retention and value, and the marts that rest on them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.steps.build import build
from pipelines.steps.record import context_of, recorded, transformed
from pipelines.warehouse.connection import connect
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.standing import is_built

if TYPE_CHECKING:
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def fit(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Fit the models of retention and value, and build the marts that rest on them.

    A model that cannot be fitted is left out with its reason, in `model_fits` and in the summary; that is no failure.
    Another run may have built since this one did: then the marts are built anew first.

    Raises:
        BuildError: a mart or a test failed.
    """
    from pipelines.fit import fit_models, read_sample
    from pipelines.fit.tables import read_last, write_fits

    context = context_of(settings)
    with warehouse_lock(settings, "fit", run_id, on_wait=say):
        if not is_built(settings, as_of, context):
            build(settings, run_id, as_of, say)

        def work() -> Summary:
            with closing(connect(settings)) as connection:
                sample = read_sample(lambda sql: connection.execute(sql).df())
                fits = fit_models(sample, read_last(connection), say)
                write_fits(connection, fits, as_of)
            done = transformed(settings, run_id, "fit", as_of, context, say)
            return {
                **done,
                "fitted": [f.label for f in fits.fits if f.reason is None],
                "left_out": fits.reasons,
                "limits": fits.limits,
                "withheld": fits.withheld,
            }

        return recorded(settings, run_id, "fit", work, say)
