"""The 95 % intervals against print and against scipy.

The macros are plain SQL, so jinja alone renders them and DuckDB works them out, without a build.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from dbt_warehouse import DBT_PROJECT
from scipy.stats import binomtest, norm

MACROS: Any = jinja2.Template((DBT_PROJECT / "macros" / "intervals.sql").read_text(encoding="utf-8")).module

PRINTED = 5e-5
"""What is printed with four decimals."""

EXACT = 1e-12
"""Two ways of writing the same formula in doubles."""


def bounds(macro: str, names: tuple[str, ...], rows: Iterable[tuple[int | float | None, ...]]) -> np.ndarray:
    """Lower and upper bound of each row, null as not a number; the names are the macro's arguments."""
    bound, rows = getattr(MACROS, macro), list(rows)
    casts = ", ".join(
        f"cast({name} as {'bigint' if 'count' in name else 'double'}) as {name}" for name in names
    )
    marks = ", ".join(["(" + ", ".join("?" for _ in names) + ")"] * len(rows))
    given = f"select {casts} from (values {marks}) as given({', '.join(names)})"
    asked = f"select {bound(*names, '-')}, {bound(*names, '+')} from ({given})"
    with duckdb.connect() as connection:
        found = connection.execute(asked, [value for row in rows for value in row]).fetchall()
    return np.array(found, dtype=float)


def wilson(counts: Iterable[tuple[int, int]]) -> np.ndarray:
    return bounds(
        "wilson_bound", ("rate", "trial_count"), [(hits / trials, trials) for hits, trials in counts]
    )


def newcombe(counts: Iterable[tuple[int, int, int, int]]) -> np.ndarray:
    names = ("rate", "trial_count", "other_rate", "other_count")
    return bounds("newcombe_bound", names, [(a / n, n, b / m, m) for a, n, b, m in counts])


def net_promoter(counts: Iterable[tuple[int, int, int]]) -> np.ndarray:
    return bounds("net_promoter_bound", ("promoter_count", "detractor_count", "answer_count"), counts)


def scipys_wilson(hits: int, trials: int) -> tuple[float, float]:
    found = binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_intervals_are_those_printed_by_newcombe(
    hits: int, trials: int, low: float, high: float
) -> None:
    """Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I, method 3."""
    assert wilson([(hits, trials)])[0] == pytest.approx((low, high), abs=PRINTED)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_intervals_are_those_he_printed(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    """Interval estimation for the difference between independent proportions, ibid., table II, method 10."""
    assert newcombe([counts])[0] == pytest.approx((low, high), abs=PRINTED)


def test_wilsons_intervals_are_scipys() -> None:
    random = np.random.default_rng(1927)
    large = [(int(random.integers(0, n + 1)), int(n)) for n in random.integers(13, 100_000, 30)]
    counts = [(hits, n) for n in range(1, 13) for hits in range(n + 1)] + large
    found = wilson(counts)
    assert found == pytest.approx(np.array([scipys_wilson(*pair) for pair in counts]), abs=EXACT)
    assert found.min() == 0
    assert found.max() == 1


def test_newcombes_intervals_are_composed_of_scipys_wilsons() -> None:
    random = np.random.default_rng(1998)
    counts = [(a, 3, b, 4) for a, b in product(range(4), range(5))]
    for n, m in random.integers(1, 5_000, (50, 2)):
        counts.append((int(random.integers(0, n + 1)), int(n), int(random.integers(0, m + 1)), int(m)))
    expected = []
    for a, n, b, m in counts:
        (low, high), (other_low, other_high) = scipys_wilson(a, n), scipys_wilson(b, m)
        below = np.hypot(a / n - low, other_high - b / m)
        above = np.hypot(high - a / n, b / m - other_low)
        expected.append((a / n - b / m - below, a / n - b / m + above))
    assert newcombe(counts) == pytest.approx(np.array(expected), abs=EXACT)


def test_newcombes_intervals_of_all_against_none_stay_within_what_a_difference_can_be() -> None:
    """Unclipped, rounding takes many of these bounds to 1.0000000000000002, which no contract allows."""
    sizes = list(product(range(1, 60), repeat=2))
    found = newcombe([(n, n, 0, m) for n, m in sizes] + [(0, n, m, m) for n, m in sizes])
    assert found.max() == 1
    assert found.min() == -1


def test_a_net_promoter_interval_is_walds_with_three_answers_more() -> None:
    """Rocks's adjusted Wald: the mean of 1, 0 and -1 over the answers and 3/4, 3/2, 3/4 more, give or take z errors."""
    random = np.random.default_rng(2016)
    counts = [(p, d, 4) for p in range(5) for d in range(5 - p)] + [(1, 0, 1), (0, 1, 1), (0, 0, 1)]
    for n in random.integers(5, 50_000, 30):
        promoters = int(random.integers(0, n + 1))
        counts.append((promoters, int(random.integers(0, n - promoters + 1)), int(n)))
    expected = []
    for promoters, detractors, answers in counts:
        weights = np.array([promoters + 0.75, answers - promoters - detractors + 1.5, detractors + 0.75])
        values = np.array([1.0, 0.0, -1.0])
        mean = np.average(values, weights=weights)
        error = np.sqrt(np.average((values - mean) ** 2, weights=weights) / weights.sum())
        expected.append(np.clip(mean + norm.ppf([0.025, 0.975]) * error, -1, 1))
    found = net_promoter(counts)
    assert found == pytest.approx(np.array(expected), abs=EXACT)
    assert (found.min(), found.max()) == (-1, 1)


def test_there_is_no_interval_of_nothing() -> None:
    assert np.isnan(bounds("wilson_bound", ("rate", "trial_count"), [(None, 0)])).all()
    names = ("rate", "trial_count", "other_rate", "other_count")
    assert np.isnan(bounds("newcombe_bound", names, [(None, 0, 0.5, 2), (0.5, 2, None, 0)])).all()
    assert np.isnan(net_promoter([(0, 0, 0)])).all()
