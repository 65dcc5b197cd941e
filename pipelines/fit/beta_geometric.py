"""BG/NBD and MBG/NBD: a customer buys at a steady random rate, and may leave for good after a purchase.

BG/NBD (Fader, Hardie, Lee: "Counting Your Customers" the Easy Way, Marketing Science 24, 2005): purchases come as a
Poisson process whose rate differs between customers by a gamma (r, alpha); after each repeat purchase a customer
leaves with a probability that differs by a beta (a, b). MBG/NBD (Batislam, Denizel, Filiztekin: Empirical validation
and comparison of models for customer base analysis, IJRM 24, 2007) lets a customer leave after the first purchase
too, so one who bought once may be gone; under BG/NBD such a customer is alive for certain.

The two differ by one: MBG/NBD counts the first purchase as a chance to leave. `chances` is x or x + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from pipelines.fit.histories import Floats, Histories
from pipelines.fit.leaving import expected_purchases
from pipelines.fit.limits import GeometricNbd, InflatedNbd, Nbd


@dataclass(frozen=True)
class BetaGeometric:
    """The likelihood and what follows from parameters (r, alpha, a, b); weeks as unit of time."""

    name: str
    counts_first_purchase: bool
    limit: str | None = None
    parameters: tuple[str, ...] = ("r", "alpha", "a", "b")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin without a last night."""
        age = max(histories.mean(histories.age), 1.0)
        return [
            [0.5, age / 4, 0.5, 2.0],
            [1.0, age / 2, 1.0, 1.0],
            [0.25, age / 10, 0.8, 2.5],
            [2.0, age / 10, 0.1, 5.0],
        ]

    @property
    def limits(self) -> tuple[Nbd, GeometricNbd, InflatedNbd]:
        """What becomes of it at the border: nobody leaves, all leave alike, or some at once and the others never."""
        first = self.counts_first_purchase
        return Nbd(self.name), GeometricNbd(self.name, first), InflatedNbd(self.name, first)

    def near(self, pace: Sequence[float], histories: Histories) -> list[list[float]]:
        """Where to begin near to the border, given r and alpha of a limit."""
        return [[*pace, 0.05, 1.0], [*pace, 0.05, 50.0]]

    def _chances(self, x: Floats) -> Floats:
        return x + 1 if self.counts_first_purchase else x

    def _terms(self, parameters: Floats, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the two ways to a history, up to a shared factor: still there, or gone after the last purchase."""
        r, alpha, a, b = parameters
        chances = self._chances(x)
        there = -(r + x) * np.log(alpha + age)
        with np.errstate(divide="ignore", invalid="ignore"):
            gone = np.where(
                chances > 0, np.log(a) - np.log(b + chances - 1) - (r + x) * np.log(alpha + t_x), -np.inf
            )
        return there, gone

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha, a, b = parameters
        x, t_x, age = histories.x, histories.t_x, histories.age
        # Gamma functions depend on x alone, of which there are few.
        kinds, of = np.unique(x, return_inverse=True)
        chances = self._chances(kinds)
        fixed = (
            gammaln(r + kinds) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) - gammaln(b) + gammaln(b + chances) - gammaln(a + b + chances)
        )  # fmt: skip
        there, gone = self._terms(parameters, x, t_x, age)
        both = np.logaddexp(there, gone)
        alive = np.exp(there - both)
        left = 1 - alive
        pace = digamma(r + kinds) - digamma(r) + np.log(alpha)
        leaving = digamma(a + b) - digamma(a + b + chances)
        staying = leaving + digamma(b + chances) - digamma(b)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_chance = np.where(chances > 0, 1 / (b + chances - 1), 0.0)
        gradient = np.array(
            [
                histories.mean(pace[of] - alive * np.log(alpha + age) - left * np.log(alpha + t_x)),
                histories.mean(r / alpha - (r + x) * (alive / (alpha + age) + left / (alpha + t_x))),
                histories.mean(leaving[of] + left / a),
                histories.mean(staying[of] - left * by_chance[of]),
            ]
        )
        return histories.mean(fixed[of] + both), gradient

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""
        there, gone = self._terms(parameters, histories.x, histories.t_x, histories.age)
        return np.asarray(np.exp(there - np.logaddexp(there, gone)))

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        # The numerator depends on (x, T) alone.
        pairs, of = np.unique(np.stack([histories.x, histories.age]), axis=1, return_inverse=True)
        if_alive = self._expected_if_alive(parameters, pairs[0], pairs[1], np.asarray(weeks, dtype=float))
        return np.asarray(if_alive[of.reshape(-1)] * self.p_alive(parameters, histories))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        span = np.asarray(weeks, dtype=float)
        nought = np.zeros_like(span)
        new = Histories(nought, nought, nought, np.ones_like(span))
        return np.asarray(
            self._expected_if_alive(parameters, nought, nought, span) * self.p_alive(parameters, new)
        )

    def _expected_if_alive(self, parameters: Floats, x: Floats, age: Floats, weeks: Floats) -> Floats:
        r, alpha, a, b = parameters
        u, stayed = np.broadcast_arrays(weeks / (alpha + age), b + self._chances(x))
        return expected_purchases(r + x, u, float(a), stayed)


BG_NBD = BetaGeometric("bg_nbd", counts_first_purchase=False)
MBG_NBD = BetaGeometric("mbg_nbd", counts_first_purchase=True)
