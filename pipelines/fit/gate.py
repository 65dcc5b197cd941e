"""Whether a fit is good enough to be published: enough buyers, seen for long enough, and a true maximum."""

from __future__ import annotations

import numpy as np

from pipelines.fit.histories import DAYS_PER_WEEK, Histories
from pipelines.fit.outcome import Why

LEAST_BUYERS = 500
LEAST_DAYS = 180
LEAST_PURCHASE_DAYS = 3
"""At least one buyer must have so many: without, the data cannot tell pace from leaving."""


def gate(histories: Histories) -> Why | None:
    """Why these histories cannot carry a fit; None if they can."""
    if histories.customers == 0:
        return Why("few_buyers", f"no buyers; a fit needs {LEAST_BUYERS}")
    if histories.customers < LEAST_BUYERS:
        return Why("few_buyers", f"only {histories.customers} buyers; a fit needs {LEAST_BUYERS}")
    days = round(float(np.max(histories.age)) * DAYS_PER_WEEK)
    if days < LEAST_DAYS:
        return Why("few_days", f"only {days} days since the first purchase; a fit needs {LEAST_DAYS}")
    if np.max(histories.x) + 1 < LEAST_PURCHASE_DAYS:
        return Why("few_purchases", f"no buyer has {LEAST_PURCHASE_DAYS} purchase days")
    return None
