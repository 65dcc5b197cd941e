"""Intervals at 95 %: of a proportion, of the difference of two, of a Net Promoter Score."""

from __future__ import annotations

from math import sqrt

from .scenarios import wilson as wilson_of_rate
from .survival import Z

Interval = tuple[float | None, float | None]


def wilson(hits: int, n: int) -> Interval:
    """Wilson's score interval of a proportion."""
    return wilson_of_rate(hits / n, n) if n else (None, None)


def newcombe(hits: int, n: int, other_hits: int, other_n: int) -> Interval:
    """Newcombe's hybrid score interval (1998, method 10) of the first proportion minus the other."""
    if n == 0 or other_n == 0:
        return None, None
    one, other = hits / n, other_hits / other_n
    (low, high), (other_low, other_high) = wilson_of_rate(one, n), wilson_of_rate(other, other_n)
    return (
        one - other - sqrt((one - low) ** 2 + (other_high - other) ** 2),
        one - other + sqrt((high - one) ** 2 + (other - other_low) ** 2),
    )


def net_promoter(promoters: int, detractors: int, n: int) -> Interval:
    """Adjusted Wald (Rocks 2016): 3/4 promoter, 3/4 detractor and 1 1/2 passives more; cut to -1 and 1."""
    if n == 0:
        return None, None
    p1, p0 = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    reach = Z * sqrt((p1 + p0 - (p1 - p0) ** 2) / (n + 3))
    return max(p1 - p0 - reach, -1.0), min(p1 - p0 + reach, 1.0)
