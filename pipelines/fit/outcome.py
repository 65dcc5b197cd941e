"""What comes of fitting: parameters, or the reason why there are none, and the frames that the marts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.fit.histories import Floats

PARAMETERS = ("r", "alpha", "a", "b", "s", "beta", "leaving", "p", "q", "v")
"""Of all models; each has some of them."""


class Why(NamedTuple):
    """Why nothing of a fit is published."""

    code: str
    """For readers that have words of their own; see `reason_code` in the data dictionary."""
    text: str


@dataclass(frozen=True)
class Fit:
    """One model on one sample; `why` says why nothing of it is published, None where it is.

    `limit` names what the model is where its maximum lies at the border of leaving. `withheld` counts the customers whose
    own figures have no value, though the others' have.
    """

    model: str
    sample: str
    customers: int
    repeat_customers: int
    parameters: Mapping[str, float]
    log_likelihood: float | None
    is_converged: bool
    why: Why | None
    iterations: int = 0
    limit: str | None = None
    withheld: int = 0

    @property
    def values(self) -> Floats:
        """The parameters in their order."""
        return np.array(list(self.parameters.values()))

    @property
    def reason(self) -> str | None:
        """Why nothing of it is published, as a sentence."""
        return self.why and self.why.text

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.model} ({self.sample})"


@dataclass(frozen=True)
class Fits:
    """Everything that a night's fitting gives; the frames have the columns of the tables of schema `fits`."""

    fits: list[Fit]
    expectations: pd.DataFrame
    """Per distinct history (x, span, age in days): P(alive) and expected purchase days in the next 365 days."""
    calibration: pd.DataFrame
    """Predicted against actual purchase days; empty where no timing model was fitted on the calibration."""

    def frame(self, as_of: date) -> pd.DataFrame:
        """One row per model and sample."""
        return pd.DataFrame(
            [
                {
                    "model": fit.model,
                    "sample": fit.sample,
                    "fitted_at": as_of,
                    "customers": fit.customers,
                    "repeat_customers": fit.repeat_customers,
                    "is_converged": fit.is_converged,
                    "is_published": fit.why is None,
                    "reason": fit.reason,
                    "reason_code": fit.why and fit.why.code,
                    "limit_model": fit.limit,
                    "withheld_customers": fit.withheld,
                    "log_likelihood": fit.log_likelihood,
                    **{name: fit.parameters.get(name) for name in PARAMETERS},
                }
                for fit in self.fits
            ]
        )

    @property
    def limits(self) -> dict[str, str]:
        """The limits that models lie at and are published as, by model and sample."""
        return {fit.label: fit.limit for fit in self.fits if fit.why is None and fit.limit is not None}

    @property
    def withheld(self) -> dict[str, int]:
        """Customers whose own figures have no value, by model and sample; none as a rule."""
        return {fit.label: fit.withheld for fit in self.fits if fit.withheld}

    @property
    def reasons(self) -> dict[str, str]:
        """Why a model is not published, by model and sample."""
        return {fit.label: fit.reason for fit in self.fits if fit.reason is not None}


Last = Mapping[tuple[str, str], Mapping[str, float]]
"""The parameters of the last night, by model and sample: where the search begins."""
