"""95 % intervals of rates that the report pools over months; those of one month stand in the marts."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Bounds of a rate, for at least one trial.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927).
    """
    rate = hits / trials
    middle = rate + _Z**2 / (2 * trials)
    half = _Z * sqrt(rate * (1 - rate) / trials + _Z**2 / (4 * trials**2))
    scale = 1 + _Z**2 / trials
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def newcombe(hits: int, trials: int, other_hits: int, other_trials: int) -> tuple[float, float]:
    """Bounds of a difference of two rates, the first less the second.

    Hybrid of their Wilson intervals, method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998).
    """
    rate, other = hits / trials, other_hits / other_trials
    (low, high), (other_low, other_high) = wilson(hits, trials), wilson(other_hits, other_trials)
    difference = rate - other
    return (
        difference - sqrt((rate - low) ** 2 + (other_high - other) ** 2),
        difference + sqrt((high - rate) ** 2 + (other - other_low) ** 2),
    )
