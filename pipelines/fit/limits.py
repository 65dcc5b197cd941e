"""What the models of purchase timing become where their maximum lies at the border: fewer parameters, not none.

Where nobody seems to leave, each of them is the NBD (Ehrenberg, 1959): everyone is alive. Where all leave alike, the
beta of BG/NBD and MBG/NBD is a point, and so is Pareto/NBD's gamma of leaving rates: a geometric/NBD and an
exponential/NBD. Where some leave at once and the others never, beta and gamma lie at their two ends: an NBD with more
one-time buyers than its own. A customer stays past a chance to leave, or a week, with probability exp(-leaving).

Each carries the name of the model whose limit it is, and its own as `limit`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln, roots_legendre

from pipelines.fit.histories import Floats, Histories

_NODES, _WEIGHTS = roots_legendre(32)
_FORGOTTEN = 40.0
"""Past exp(-40) of the integrand nothing counts."""


def _paces(r: float, alpha: float, histories: Histories) -> tuple[Floats, Floats]:
    """Of each history's log-likelihood, what no leaving changes; and its derivative by r."""
    kinds, of = np.unique(histories.x, return_inverse=True)
    fixed = gammaln(r + kinds) - gammaln(r) + r * np.log(alpha)
    return fixed[of], (digamma(r + kinds) - digamma(r) + np.log(alpha))[of]


def _starts(histories: Histories) -> list[list[float]]:
    age = max(histories.mean(histories.age), 1.0)
    return [[0.5, age / 4], [1.0, age / 2], [2.0, age / 10]]


@dataclass(frozen=True)
class Nbd:
    """Nobody leaves: parameters (r, alpha) of the gamma of paces."""

    name: str
    limit: str = "nbd"
    parameters: tuple[str, ...] = ("r", "alpha")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin."""
        return _starts(histories)

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha = parameters
        fixed, pace = _paces(r, alpha, histories)
        x, until = histories.x, alpha + histories.age
        gradient = [histories.mean(pace - np.log(until)), histories.mean(r / alpha - (r + x) / until)]
        return histories.mean(fixed - (r + x) * np.log(until)), np.array(gradient)

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """One, for everyone."""
        return np.ones_like(histories.x)

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        r, alpha = parameters
        return np.asarray((r + histories.x) * weeks / (alpha + histories.age))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        r, alpha = parameters
        return np.asarray(r * np.asarray(weeks, dtype=float) / alpha)


@dataclass(frozen=True)
class _TwoWays:
    """A history with one parameter of leaving came about in two ways: still there, or gone with the last purchase."""

    name: str
    counts_first_purchase: bool
    limit: str = ""
    parameters: tuple[str, ...] = ("r", "alpha", "leaving")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin."""
        return [[*start, leaving] for leaving in (0.05, 0.5) for start in _starts(histories)]

    def _chances(self, histories: Histories) -> Floats:
        return histories.x + 1 if self.counts_first_purchase else histories.x

    def _ways(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the probabilities to have stayed past so many chances, and to have left at the last of them."""
        raise NotImplementedError

    def _slopes(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        """Their derivatives by `leaving`."""
        raise NotImplementedError

    def _if_alive(self, leaving: float, chances: Floats, s: Floats, u: Floats) -> Floats:
        """Expected purchases of someone alive; s and u as in `leaving.py`."""
        raise NotImplementedError

    def _terms(self, parameters: Floats, histories: Histories) -> tuple[Floats, Floats]:
        r, alpha, leaving = parameters
        stayed, left = self._ways(leaving, self._chances(histories))
        shape = r + histories.x
        return (
            stayed - shape * np.log(alpha + histories.age),
            left - shape * np.log(alpha + histories.t_x),
        )

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha, leaving = parameters
        fixed, pace = _paces(r, alpha, histories)
        there, gone = self._terms(parameters, histories)
        both = np.logaddexp(there, gone)
        alive, left = np.exp(there - both), np.exp(gone - both)
        until, last = alpha + histories.age, alpha + histories.t_x
        by_stayed, by_left = self._slopes(leaving, self._chances(histories))
        gradient = [
            histories.mean(pace - alive * np.log(until) - left * np.log(last)),
            histories.mean(r / alpha - (r + histories.x) * (alive / until + left / last)),
            histories.mean(alive * by_stayed + left * by_left),
        ]
        return histories.mean(fixed + both), np.array(gradient)

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""
        there, gone = self._terms(parameters, histories)
        return np.asarray(np.exp(there - np.logaddexp(there, gone)))

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        r, alpha, leaving = parameters
        s, u = r + histories.x, weeks / (alpha + histories.age)
        if_alive = self._if_alive(leaving, self._chances(histories), s, u)
        return np.asarray(if_alive * self.p_alive(parameters, histories))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        r, alpha, leaving = parameters
        u = np.asarray(weeks, dtype=float) / alpha
        chances = np.full_like(u, float(self.counts_first_purchase))
        stays = np.exp(-leaving * chances)
        return np.asarray(stays * self._if_alive(leaving, chances, np.full_like(u, r), u))


@dataclass(frozen=True)
class GeometricNbd(_TwoWays):
    """All leave alike after a purchase: parameters (r, alpha, leaving)."""

    limit: str = "geometric_nbd"

    def _ways(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        gone = np.log(-np.expm1(-leaving)) - leaving * (chances - 1)
        return -leaving * chances, np.where(chances > 0, gone, -np.inf)

    def _slopes(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        return -chances, 1 / np.expm1(leaving) - (chances - 1)

    def _if_alive(self, leaving: float, chances: Floats, s: Floats, u: Floats) -> Floats:
        leaves = -np.expm1(-leaving)
        return np.asarray(-np.expm1(-s * np.log1p(leaves * u)) / leaves)


@dataclass(frozen=True)
class InflatedNbd(_TwoWays):
    """Some leave at their first chance, the others never: parameters (r, alpha, leaving)."""

    limit: str = "inflated_nbd"

    def _ways(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        return np.where(chances > 0, -leaving, 0.0), np.where(
            chances == 1, np.log(-np.expm1(-leaving)), -np.inf
        )

    def _slopes(self, leaving: float, chances: Floats) -> tuple[Floats, Floats]:
        return np.where(chances > 0, -1.0, 0.0), np.full_like(chances, 1 / np.expm1(leaving))

    def _if_alive(self, leaving: float, chances: Floats, s: Floats, u: Floats) -> Floats:
        # Who has had no chance yet may be one who leaves with the next purchase.
        once = np.where(chances > 0, 0.0, -np.expm1(-leaving))
        return np.asarray((1 - once) * s * u - once * np.expm1(-s * np.log1p(u)))


@dataclass(frozen=True)
class ExponentialNbd:
    """All leave alike in time: parameters (r, alpha, leaving); the integral over the moment as in Pareto/NBD."""

    name: str
    limit: str = "exponential_nbd"
    parameters: tuple[str, ...] = ("r", "alpha", "leaving")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin."""
        age = max(histories.mean(histories.age), 1.0)
        return [[*start, often / age] for often in (0.1, 1.0) for start in _starts(histories)]

    def _parts(self, parameters: Floats, histories: Histories) -> tuple[Floats, Floats, list[Floats]]:
        """Per history, scaled: still there, gone at any moment since the last purchase, and derivatives of both."""
        r, alpha, leaving = parameters
        x, t_x = histories.x, histories.t_x
        span, last = histories.age - t_x, alpha + t_x
        there = np.exp(-(r + x) * np.log1p(span / last) - leaving * span)
        log_until = np.log(last + span)
        by = [-there * log_until, -there * (r + x) / (last + span), -there * histories.age]
        # By the logarithm of the moment, counted from alpha before the first purchase, as far as it counts.
        half = np.minimum(np.log1p(span / last), _FORGOTTEN / (r + x)) / 2
        left = np.zeros_like(x)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            later = half * (1 + node)
            since = last * np.expm1(later)
            mass = weight * half * leaving * (last + since) * np.exp(-(r + x) * later - leaving * since)
            left += mass
            by[0] -= mass * (np.log(last) + later)
            by[1] -= mass * (r + x) / (last + since)
            by[2] += mass * (1 / leaving - t_x - since)
        return there, left, by

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha, leaving = parameters
        fixed, pace = _paces(r, alpha, histories)
        there, left, by = self._parts(parameters, histories)
        both = there + left
        scale = -(r + histories.x) * np.log(alpha + histories.t_x) - leaving * histories.t_x
        gradient = [
            histories.mean(pace + by[0] / both),
            histories.mean(r / alpha + by[1] / both),
            histories.mean(by[2] / both),
        ]
        return histories.mean(fixed + scale + np.log(both)), np.array(gradient)

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""
        there, left, _ = self._parts(parameters, histories)
        return np.asarray(there / (there + left))

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        r, alpha, leaving = parameters
        pace = (r + histories.x) / (alpha + histories.age)
        stays = -np.expm1(-leaving * weeks) / leaving
        return np.asarray(pace * stays * self.p_alive(parameters, histories))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        r, alpha, leaving = parameters
        return np.asarray(r / alpha * -np.expm1(-leaving * np.asarray(weeks, dtype=float)) / leaving)
