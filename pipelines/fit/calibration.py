"""Predicted against actual: models fitted on the history's first part foretell its last part.

Two reports, as Fader, Hardie and Lee (2005) draw them: purchase days in the holdout by how many repeat purchase days a
customer had in the calibration, and cumulative repeat purchase days by week since the first purchase of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.fit.histories import DAYS_PER_WEEK, Floats, Histories
from pipelines.fit.timing import Timing

LAST_CLASS = 7
"""Frequency classes are 0 to 6 repeat purchase days, and 7 or more."""

COLUMNS = [
    "model",
    "report",
    "bucket",
    "is_holdout",
    "customers",
    "actual_purchase_days",
    "predicted_purchase_days",
]


@dataclass(frozen=True)
class Tracking:
    """The customers of the calibration by day, counted from the first purchase of all as day 0.

    Attributes:
        born: Customers whose first purchase day it is; one entry per day.
        repeats: Their repeat purchase days on it.
        calibration_days: The calibration's last day.
    """

    born: Floats
    repeats: Floats
    calibration_days: int

    @property
    def holdout_weeks(self) -> float:
        """From the end of the calibration to the last day."""
        return (len(self.born) - 1 - self.calibration_days) / DAYS_PER_WEEK


def by_frequency(
    model: Timing, parameters: Floats, histories: Histories, holdout: Floats, weeks: float
) -> pd.DataFrame:
    """Actual and predicted purchase days in the holdout, by repeat purchase days in the calibration.

    Args:
        model: One of the timing models.
        parameters: Fitted on `histories`.
        histories: The calibration.
        holdout: Purchase days in the holdout of all customers with each history.
        weeks: Length of the holdout.
    """
    predicted = model.expected(parameters, histories, weeks) * histories.count
    frame = pd.DataFrame(
        {
            "bucket": np.minimum(histories.x, LAST_CLASS).astype(int),
            "customers": histories.count.astype(int),
            "actual_purchase_days": holdout.astype(int),
            "predicted_purchase_days": predicted,
        }
    )
    found = frame.groupby("bucket", as_index=False).sum().round({"predicted_purchase_days": 6})
    return found.assign(model=model.name, report="frequency_class", is_holdout=True)[COLUMNS]


def by_week(model: Timing, parameters: Floats, tracking: Tracking) -> pd.DataFrame:
    """Actual and predicted cumulative repeat purchase days at the end of each whole week."""
    weeks = np.arange(1, len(tracking.born) // int(DAYS_PER_WEEK) + 1)
    ends = weeks * int(DAYS_PER_WEEK) - 1
    # Expected repeat purchase days of one customer by age in days; a cohort's age is the week's last day less its first.
    by_age = model.expected_from_start(parameters, np.arange(len(tracking.born)) / DAYS_PER_WEEK)
    total, born = np.cumsum(tracking.repeats), np.cumsum(tracking.born)
    return pd.DataFrame(
        {
            "model": model.name,
            "report": "week",
            "bucket": weeks,
            "is_holdout": ends > tracking.calibration_days,
            "customers": born[ends].astype(int),
            "actual_purchase_days": total[ends].astype(int),
            "predicted_purchase_days": [
                round(float(np.dot(tracking.born[: e + 1], by_age[e::-1])), 6) for e in ends
            ],
        }
    )[COLUMNS]
