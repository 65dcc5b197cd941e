"""What the models of purchase timing become where their maximum lies at the border: fewer parameters, not none.

Where nobody seems to leave, each of them is the NBD (Ehrenberg, 1959): everyone is alive. Where all leave alike, the
beta of BG/NBD and MBG/NBD is a point, and so is Pareto/NBD's gamma of leaving rates: a geometric/NBD and an
exponential/NBD. There a customer stays past a chance to leave, or past a week, with probability exp(-leaving).

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
class GeometricNbd:
    """All leave alike after a purchase: parameters (r, alpha, leaving)."""

    name: str
    counts_first_purchase: bool
    limit: str = "geometric_nbd"
    parameters: tuple[str, ...] = ("r", "alpha", "leaving")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin."""
        return [[*start, leaving] for leaving in (0.05, 0.5) for start in _starts(histories)]

    def _terms(self, parameters: Floats, histories: Histories) -> tuple[Floats, Floats, Floats]:
        """Chances to leave, and the logarithms of the two ways to a history: still there, or gone at the last one."""
        r, alpha, leaving = parameters
        x = histories.x
        chances = x + 1 if self.counts_first_purchase else x
        there = -leaving * chances - (r + x) * np.log(alpha + histories.age)
        gone = np.log(-np.expm1(-leaving)) - leaving * (chances - 1) - (r + x) * np.log(alpha + histories.t_x)
        return chances, there, np.where(chances > 0, gone, -np.inf)

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha, leaving = parameters
        fixed, pace = _paces(r, alpha, histories)
        chances, there, gone = self._terms(parameters, histories)
        both = np.logaddexp(there, gone)
        alive, left = np.exp(there - both), np.exp(gone - both)
        until, last = alpha + histories.age, alpha + histories.t_x
        gradient = [
            histories.mean(pace - alive * np.log(until) - left * np.log(last)),
            histories.mean(r / alpha - (r + histories.x) * (alive / until + left / last)),
            histories.mean(left * (1 / np.expm1(leaving) + 1) - chances),
        ]
        return histories.mean(fixed + both), np.array(gradient)

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""
        _, there, gone = self._terms(parameters, histories)
        return np.asarray(np.exp(there - np.logaddexp(there, gone)))

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        r, alpha, leaving = parameters
        leaves, u = -np.expm1(-leaving), weeks / (alpha + histories.age)
        if_alive = -np.expm1(-(r + histories.x) * np.log1p(leaves * u)) / leaves
        return np.asarray(if_alive * self.p_alive(parameters, histories))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        r, alpha, leaving = parameters
        leaves, u = -np.expm1(-leaving), np.asarray(weeks, dtype=float) / alpha
        if_alive = -np.expm1(-r * np.log1p(leaves * u)) / leaves
        return np.asarray(if_alive * (1 - leaves if self.counts_first_purchase else 1.0))


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
