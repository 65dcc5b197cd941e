"""Expected purchases have their right value for whatever parameters a fit may end with, and for whatever customer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import hyp2f1, mpf, workdps
from scipy.stats import nbinom

from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD, BetaGeometric
from pipelines.fit.calibration import Tracking, by_week
from pipelines.fit.histories import Histories
from pipelines.fit.leaving import expected_purchases
from pipelines.fit.timing import TIMING_MODELS, Timing

CANTEEN = np.array([0.1486, 0.0521, 0.242, 465.0])
"""Half of its buyers come on 85 % of days; scipy's 2F1 is NaN on the day of their first purchase."""


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda power: float(10.0**power))


def mean(s: float, u: float, a: float, k: float) -> float:
    return float(expected_purchases(np.array([s]), np.array([u]), a, np.array([k]))[0])


@settings(max_examples=80, deadline=None)
@given(powers(-3, 2.5), powers(-4, 5), powers(-3, 2.5), powers(-3, 2.5))
def test_the_mean_over_leaving_is_that_of_60_digits(s: float, u: float, a: float, k: float) -> None:
    with workdps(60):
        b = mpf(a) + mpf(10) ** -25  # off the pole at 1
        expected = float((b + k - 1) / (b - 1) * (1 - hyp2f1(mpf(s), b - 1, b + k - 1, -mpf(u))))
    assert mean(s, u, a, k) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(powers(-6, 6), st.just(0.0) | powers(-8, 8), powers(-6, 6), powers(-6, 6))
def test_the_mean_over_leaving_lies_between_its_bounds_anywhere(
    s: float, u: float, a: float, k: float
) -> None:
    """What one customer of mean leaving expects, and what someone who never leaves does: the function is convex."""
    p = a / (a + k)
    found = mean(s, u, a, k)
    low = -np.expm1(-s * np.log1p(p * u)) / p
    assert low * (1 - 1e-9) <= found <= s * u * (1 + 1e-9)


@pytest.mark.parametrize(
    ("s", "u", "a", "k", "expected"),
    [
        (1e-6, 1e8, 1e-6, 1e-6, 49.99913818398767),
        (1e6, 1e8, 1e-6, 1e6, 99998257974714.4),
        (1e6, 1e8, 1e-6, 1e-6, 49998409355077.58),
        (1e6, 1e-8, 1e6, 1e6, 0.009975041589780817),
        (1e6, 1e8, 1e6, 1e-6, 1.0000000000008042),
        (1e-6, 1e8, 1e6, 1e6, 3.545476913061287e-05),
        (365.1, 7.2, 1e-6, 1e-6, 1314.8502080546068),
        (0.1486, 365 / 7 / 0.0521, 0.242, 465.0, 128.07072242058982),
    ],
)
def test_the_mean_over_leaving_at_the_corners(
    s: float, u: float, a: float, k: float, expected: float
) -> None:
    """By mpmath's quadrature over the logit with 25 digits."""
    assert mean(s, u, a, k) == pytest.approx(expected, rel=1e-9)


def tossed(parameters: np.ndarray, weeks: float, first: bool) -> float:
    """A sum over purchases: that many must come, and the customer must have stayed past each one before."""
    r, alpha, a, b = parameters
    purchases = np.arange(50_000)
    tosses = purchases + (1 if first else 0)
    stays = np.cumprod(
        np.concatenate([[b / (a + b) if first else 1.0], (b + tosses[:-1]) / (a + b + tosses[:-1])])
    )
    return float(np.dot(stays, nbinom.sf(purchases, r, alpha / (alpha + weeks))))


@pytest.mark.parametrize(("model", "first"), [(BG_NBD, False), (MBG_NBD, True)])
@pytest.mark.parametrize(
    "parameters", [CANTEEN, np.array([0.8, 5.0, 1.0, 2.4]), np.array([0.5, 5.0, 0.4, 0.6])]
)
def test_a_new_customer_expects_what_tosses_and_purchases_give(
    model: BetaGeometric, first: bool, parameters: np.ndarray
) -> None:
    for weeks, found in zip([0.0, 1.0, 52.0], model.expected_from_start(parameters, [0, 1, 52]), strict=True):
        assert found == pytest.approx(tossed(parameters, weeks, first), rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("model", [*TIMING_MODELS, *(limit for m in TIMING_MODELS for limit in m.limits)])
def test_a_first_purchase_on_the_last_day_has_figures(model: Timing) -> None:
    histories = Histories.of([0, 0, 200, 364], [0, 0, 300, 364], [0, 1, 300, 364], [1, 1, 1, 1])
    parameters = CANTEEN[: len(model.parameters)]
    alive, expected = model.p_alive(parameters, histories), model.expected(parameters, histories, 365 / 7)
    assert np.isfinite([alive, expected]).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (expected >= 0).all()
    if isinstance(model, BetaGeometric):
        assert expected[0] == pytest.approx(model.expected_from_start(parameters, [365 / 7])[0], rel=1e-12)
    # So has the calibration, whose customers are all new once.
    born = np.zeros(400)
    born[[0, 398, 399]] = 5
    assert np.isfinite(by_week(model, parameters, Tracking(born, born, 200))["predicted_purchase_days"]).all()
