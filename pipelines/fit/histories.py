"""What the models know of customers: how often, over how long, seen for how long; equal histories counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DAYS_PER_WEEK = 7.0
"""The models' unit of time is the week, as in the literature, so that parameters can be compared with it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Histories:
    """Sufficient statistics of purchase timing: one entry per distinct (x, t_x, T).

    Attributes:
        x: Purchase days after the first one.
        t_x: Weeks from the first purchase day to the last one; 0 where x is 0.
        age: Weeks from the first purchase day to the end of observation; T in the literature.
        count: Customers with this history.
    """

    x: Floats
    t_x: Floats
    age: Floats
    count: Floats

    @classmethod
    def of(cls, x: ArrayLike, span_days: ArrayLike, age_days: ArrayLike, count: ArrayLike) -> Histories:
        """From counts and whole days."""
        return cls(
            np.asarray(x, dtype=float),
            np.asarray(span_days, dtype=float) / DAYS_PER_WEEK,
            np.asarray(age_days, dtype=float) / DAYS_PER_WEEK,
            np.asarray(count, dtype=float),
        )

    def thinned(self, most: int) -> Histories:
        """Every so-many-th history, at most so many: where a search begins that would take long on all of them."""
        step = -(-len(self.x) // most)
        return Histories(self.x[::step], self.t_x[::step], self.age[::step], self.count[::step])

    @property
    def customers(self) -> int:
        """Buyers, the sample's size."""
        return int(self.count.sum())

    @property
    def repeat_customers(self) -> int:
        """Buyers with a second purchase day."""
        return int(self.count[self.x > 0].sum())

    def mean(self, values: Floats) -> float:
        """Mean over customers of what is known per history."""
        return float(np.dot(values, self.count) / self.count.sum())


@dataclass(frozen=True)
class Spends:
    """Sufficient statistics of spend: one entry per distinct (x, mean spend), repeat buyers only.

    Attributes:
        x: Repeat purchase days.
        mean_spend: Mean net spend of a repeat purchase day, above zero, in the reporting currency.
        count: Customers with these.
    """

    x: Floats
    mean_spend: Floats
    count: Floats

    @classmethod
    def of(cls, x: ArrayLike, mean_spend: ArrayLike, count: ArrayLike) -> Spends:
        """From columns."""
        return cls(
            np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float), np.asarray(count, dtype=float)
        )

    @property
    def customers(self) -> int:
        """Repeat buyers, the sample's size."""
        return int(self.count.sum())
