"""Kaplan-Meier survival with Greenwood's standard error and the log-log interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

CURVE = [
    "day", "at_risk_count", "event_count", "censored_count", "survival", "standard_error",
    "ci_low", "ci_high",
]  # fmt: skip
Z = NormalDist().inv_cdf(0.975)
SLACK = 1e-12
"""A survival that is a bound but for rounding has reached it."""


@dataclass(frozen=True)
class Curve:
    """A survival curve, and the days at which it falls to a bound."""

    frame: pd.DataFrame

    def day_at(self, bound: float) -> int | None:
        """First day on which survival is at or below the bound; None if it never is."""
        reached = self.frame.loc[self.frame["survival"] <= bound + SLACK, "day"]
        return int(reached.iloc[0]) if len(reached) else None


def kaplan_meier(events: Sequence[int], censored: Sequence[int]) -> Curve:
    """Survival from durations in days that ended with the event or were cut off.

    Those cut off on a day are still at risk on it. Where survival is 0 the standard error and the interval
    are undefined (null); before the first event they are 0 and 1 to 1.
    """
    ended, cut = np.asarray(events, dtype=np.int64), np.asarray(censored, dtype=np.int64)
    rows = []
    survival, hazard_variance = 1.0, 0.0
    for day in np.union1d(ended, cut):
        at_risk = int((ended >= day).sum() + (cut >= day).sum())
        died, left = int((ended == day).sum()), int((cut == day).sum())
        if died == at_risk:
            survival, error, low, high = 0.0, None, None, None
        else:
            survival *= 1 - died / at_risk
            hazard_variance += died / (at_risk * (at_risk - died))
            error = survival * float(np.sqrt(hazard_variance))
            low = high = 1.0
            if hazard_variance > 0:
                spread = Z * float(np.sqrt(hazard_variance)) / abs(float(np.log(survival)))
                low, high = survival ** float(np.exp(spread)), survival ** float(np.exp(-spread))
        rows.append((int(day), at_risk, died, left, survival, error, low, high))
    return Curve(pd.DataFrame(rows, columns=CURVE))
