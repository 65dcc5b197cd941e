"""Expected purchases of a customer who may leave after each, for whatever parameters.

Given the probability p of leaving, a pace that is gamma (s, with rate 1 / u in units of the time foretold) lets expect
g(p) = (1 - (1 + p u) ** -s) / p purchases; s u of them where nobody leaves. The papers write the mean of g over p, a beta
(a, k), by 2F1, whose implementations have no value, or a wrong one, where u or a parameter is large. Here the mean is
integrated as it stands: g is positive and smooth, and over the logit of p so is the beta. At the ends, where g is as good
as a line, the integral is known.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, logit, roots_legendre

from pipelines.fit.histories import Floats

_NODES, _WEIGHTS = roots_legendre(16)
_PANEL = 3.0
"""Longest panel in logits; neither g nor the beta bends more sharply than that, but for a narrow beta."""
_FEWEST_PANELS = 6
"""For a narrow beta, whose whole interval is short."""
_LINE = 1e-6
"""So far from an end, in units of what bends there, a line errs by 1e-12."""
_FALLEN = 36.0
"""The integrand is cut where it has fallen to exp(-36) of its height: what is left out counts for nothing."""


def expected_purchases(s: Floats, u: Floats, a: float, k: Floats) -> Floats:
    """Mean over p, a beta (a, k), of (1 - (1 + p u) ** -s) / p; one value per entry of `s`, `u` and `k`.

    Args:
        s: Shape of the pace, given what was seen of the customer; above zero.
        u: The time foretold, in units of the pace's own; zero or more.
        a: First shape of the beta of leaving; above zero.
        k: Its second shape, given that the customer stayed so far; above zero. There may be few distinct ones.
    """
    kinds, of = np.unique(k, return_inverse=True)
    bend = np.maximum(kinds, 1.0)
    np.maximum.at(bend, of, (s + 1) * u)
    first, last = _LINE / bend, _LINE / max(a, 1.0)  # p at the lower end, 1 - p at the upper one
    # p g(p) grows and g(p) falls: below the height of the one's bell, and above that of the other's, so does the whole.
    cut_low = _fallen(a - 1, kinds) if a > 1 else np.full_like(kinds, -np.inf)
    cut_high = -_fallen(kinds, a)
    low, high = np.maximum(logit(first), cut_low), np.minimum(-logit(last), cut_high)
    height = _log_beta(a, kinds, np.clip(np.log(a) - np.log(kinds), low, high))

    panels = max(_FEWEST_PANELS, int(np.ceil(np.max((high - low) / _PANEL, initial=0))))
    total, mass = np.zeros_like(u), np.zeros_like(kinds)
    for panel in range(panels):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            at = low + (high - low) * (panel + (1 + node) / 2) / panels
            density = weight * (high - low) / (2 * panels) * np.exp(_log_beta(a, kinds, at) - height)
            p = expit(at)
            total -= (density / p)[of] * np.expm1(-s * np.log1p(p[of] * u))
            mass += density

    # The ends: p ** (a - 1) * (1 - p) ** (k - 1) * g(p), of which two terms of what is no power.
    ends = np.where(low > cut_low, np.exp(a * np.log(first) - height), 0.0)
    mass += ends * (1 / a - first * (kinds - 1) / (a + 1))
    total += ends[of] * s * u * (1 / a - first[of] * (k - 1 + (s + 1) * u / 2) / (a + 1))
    ends = np.where(high < cut_high, np.exp(kinds * np.log(last) - height), 0.0)
    mass += ends * (1 / kinds - last * (a - 1) / (kinds + 1))
    certain = -np.expm1(-s * np.log1p(u))  # g and its slope at p = 1
    slope = s * u * np.exp(-(s + 1) * np.log1p(u)) - certain
    total += ends[of] * (certain / k - last * ((a - 1) * certain + slope) / (k + 1))
    return np.asarray(total / mass[of])


def _log_beta(a: Floats | float, k: Floats | float, at: Floats) -> Floats:
    """Logarithm of the density of the logit of a beta (a, k), up to a constant."""
    return np.asarray(a * log_expit(at) + k * log_expit(-at))


def _fallen(a: Floats | float, k: Floats | float) -> Floats:
    """The logit below its height where the beta (a, k) has fallen by `_FALLEN`, or a little further down."""
    top = np.asarray(np.log(a) - np.log(k))
    height = _log_beta(a, k, top)
    # At distance d it has fallen by c (exp(-d) - 1 + d) or more, so by c d² / (2 + d): Newton's steps come from outside.
    c = 1 / (1 / np.asarray(a) + 1 / np.asarray(k))
    at = top - (_FALLEN + np.sqrt(_FALLEN**2 + 8 * _FALLEN * c)) / (2 * c)
    for _ in range(8):
        too_far = height - _log_beta(a, k, at) - _FALLEN
        at = at + np.maximum(too_far, 0) / (a * expit(-at) - k * expit(at))
    return at
