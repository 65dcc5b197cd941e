"""Reads what the models are fitted on: a few grouped selects that run as they are on DuckDB and on Spark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.fit.calibration import Tracking
from pipelines.fit.histories import Floats, Histories, Spends

Fetch = Callable[[str], pd.DataFrame]
"""Runs a select: `lambda sql: connection.execute(sql).df()`, or on Spark `lambda sql: spark.sql(sql).toPandas()`."""

# Ordered, so that sums come out the same to the last bit.
_FULL = """
select repeat_purchase_days, span_days, age_days, count(*) as customers
from intermediate.int_purchase_histories
group by repeat_purchase_days, span_days, age_days
order by repeat_purchase_days, span_days, age_days
"""
_SPENDS = """
select repeat_purchase_days, mean_repeat_spend, count(*) as customers
from intermediate.int_purchase_histories
where mean_repeat_spend is not null
group by repeat_purchase_days, mean_repeat_spend
order by repeat_purchase_days, mean_repeat_spend
"""
_CALIBRATION = """
select
    calibration_repeat_purchase_days as repeat_purchase_days,
    calibration_span_days as span_days,
    calibration_age_days as age_days,
    count(*) as customers,
    sum(holdout_purchase_days) as holdout_purchase_days
from intermediate.int_purchase_histories
where calibration_age_days is not null
group by calibration_repeat_purchase_days, calibration_span_days, calibration_age_days
order by calibration_repeat_purchase_days, calibration_span_days, calibration_age_days
"""
_TRACKING = """
select day, is_holdout, new_customers, repeat_purchase_days
from intermediate.int_purchase_tracking
order by day
"""


@dataclass(frozen=True)
class Sample:
    """All buyers, and those of the calibration with what they did after it."""

    full: Histories
    spends: Spends
    calibration: Histories
    holdout: Floats
    """Purchase days in the holdout of all customers with each history of the calibration."""
    tracking: Tracking | None
    """None without a buyer."""


def read_sample(fetch: Fetch) -> Sample:
    """Read the sufficient statistics of the built warehouse."""
    full, spends, calibration, days = fetch(_FULL), fetch(_SPENDS), fetch(_CALIBRATION), fetch(_TRACKING)
    return Sample(
        _histories(full),
        Spends.of(spends["repeat_purchase_days"], spends["mean_repeat_spend"], spends["customers"]),
        _histories(calibration),
        np.asarray(calibration["holdout_purchase_days"], dtype=float),
        _tracking(days),
    )


def _histories(frame: pd.DataFrame) -> Histories:
    return Histories.of(
        frame["repeat_purchase_days"], frame["span_days"], frame["age_days"], frame["customers"]
    )


def _tracking(days: pd.DataFrame) -> Tracking | None:
    """The days between those with a row had neither a new customer nor a repeat purchase; first and last are there."""
    if days.empty:
        return None
    born, repeats = np.zeros(int(days["day"].max()) + 1), np.zeros(int(days["day"].max()) + 1)
    born[days["day"]] = days["new_customers"]
    repeats[days["day"]] = days["repeat_purchase_days"]
    return Tracking(born, repeats, int(days.loc[~days["is_holdout"].astype(bool), "day"].max()))
