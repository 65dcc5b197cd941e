"""Pareto/NBD: as BG/NBD, but a customer may leave at any moment; here to check the other two.

Schmittlein, Morrison, Colombo: Counting Your Customers, Management Science 33, 1987. Rates of purchase differ between
customers by a gamma (r, alpha), rates of leaving by a gamma (s, beta).

The likelihood holds an integral over the moment of leaving, between the last purchase and the end of observation. The
papers write it by 2F1, whose evaluation costs most of a fit and fails for some arguments; here it is integrated
numerically (Gauss-Legendre) where its integrand is smooth, together with its gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln, roots_legendre

from pipelines.fit.histories import Floats, Histories
from pipelines.fit.limits import ExponentialNbd, InflatedNbd, Nbd

_NODES, _WEIGHTS = roots_legendre(32)
_FORGOTTEN = 40.0
"""The integrand falls at least as exp(-(r + x) times a logarithm): past exp(-40) of it nothing counts."""


@dataclass(frozen=True)
class _Parts:
    """Of each history's likelihood, scaled: `left` over all moments of leaving, `there` of who has not left."""

    left: Floats
    there: Floats
    scale: Floats  # logarithm
    by: tuple[
        Floats, Floats, Floats, Floats
    ]  # derivatives of left + there by r, alpha, s, beta, scaled alike


class ParetoNbd:
    """The likelihood and what follows from parameters (r, alpha, s, beta); weeks as unit of time."""

    name = "pareto_nbd"
    limit = None
    parameters = ("r", "alpha", "s", "beta")

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin without a last night."""
        age = max(histories.mean(histories.age), 1.0)
        return [[0.5, age / 4, 0.5, age / 4], [1.0, age / 2, 1.0, age], [0.5, age / 10, 0.2, age / 10]]

    @property
    def limits(self) -> tuple[Nbd, ExponentialNbd, InflatedNbd]:
        """What becomes of it at the border: nobody leaves, all leave alike, or some at once and the others never."""
        return Nbd(self.name), ExponentialNbd(self.name), InflatedNbd(self.name, counts_first_purchase=True)

    def near(self, pace: Sequence[float], histories: Histories) -> list[list[float]]:
        """Where to begin near to the border, given r and alpha of a limit."""
        return [[*pace, 0.05, max(histories.mean(histories.age), 1.0)]]

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""
        r, alpha, s, beta = parameters
        kinds, of = np.unique(histories.x, return_inverse=True)
        fixed = gammaln(r + kinds) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        pace = digamma(r + kinds) - digamma(r) + np.log(alpha)
        parts = self._parts(parameters, histories)
        both = parts.left + parts.there
        gradient = np.array(
            [
                histories.mean(pace[of] + parts.by[0] / both),
                histories.mean(r / alpha + parts.by[1] / both),
                histories.mean(np.log(beta) + parts.by[2] / both),
                histories.mean(s / beta + parts.by[3] / both),
            ]
        )
        return histories.mean(fixed[of] + np.log(both) + parts.scale), gradient

    def _parts(self, parameters: Floats, histories: Histories) -> _Parts:
        r, alpha, s, beta = parameters
        x, t_x, age = histories.x, histories.t_x, histories.age
        scale = -(r + x) * np.log(alpha + t_x) - s * np.log(beta + t_x)
        there = np.exp(-(r + x) * np.log(alpha + age) - s * np.log(beta + age) - scale)
        by = [
            -np.log(alpha + age) * there,
            -(r + x) / (alpha + age) * there,
            -np.log(beta + age) * there,
            -s / (beta + age) * there,
        ]
        left = np.zeros_like(x)
        # By u = ln(shift + moment) the integrand has no sharp bend; the smaller of alpha and beta keeps it so.
        shift = min(alpha, beta)
        last = np.minimum(age, t_x + (alpha + t_x) * np.expm1(np.minimum(_FORGOTTEN / (r + x), 700.0)))
        low = np.log(shift + t_x)
        half = (np.log(shift + last) - low) / 2
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            shifted = np.exp(low + half * (1 + node))
            a, b = alpha - shift + shifted, beta - shift + shifted
            log_a, log_b = np.log(a), np.log(b)
            mass = weight * s * half * shifted * np.exp(-(r + x) * log_a - (s + 1) * log_b - scale)
            left += mass
            by[0] -= mass * log_a
            by[1] -= mass * (r + x) / a
            by[2] += mass * (1 / s - log_b)
            by[3] -= mass * (s + 1) / b
        return _Parts(left, there, scale, (by[0], by[1], by[2], by[3]))

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""
        parts = self._parts(parameters, histories)
        return np.asarray(parts.there / (parts.left + parts.there))

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation, per customer of each history."""
        r, alpha, s, beta = parameters
        pace = (r + histories.x) / (alpha + histories.age)
        time = _expected_lifetime(s, beta + histories.age, np.asarray(weeks, dtype=float))
        return np.asarray(pace * time * self.p_alive(parameters, histories))

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer in the weeks after the first purchase."""
        r, alpha, s, beta = parameters
        return np.asarray(r / alpha * _expected_lifetime(s, np.asarray(beta), np.asarray(weeks, dtype=float)))


def _expected_lifetime(s: float, beta: Floats, weeks: Floats) -> Floats:
    """Expected weeks within `weeks` that someone alive stays: beta / (s - 1) * (1 - (beta / (beta + weeks)) ** (s - 1))."""
    span = np.log1p(weeks / beta)
    if s == 1:
        return np.asarray(beta * span)
    return np.asarray(beta * -np.expm1(-(s - 1) * span) / (s - 1))


PARETO_NBD = ParetoNbd()
