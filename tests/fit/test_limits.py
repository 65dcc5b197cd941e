"""Where the maximum lies at the border of leaving, the limit is published, and named; its figures are the NBD's own."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import nbinom

from pipelines.fit import Sample, fit_models
from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD
from pipelines.fit.histories import Histories, Spends
from pipelines.fit.limits import ExponentialNbd, GeometricNbd, InflatedNbd, Nbd
from pipelines.fit.maximum import maximise
from pipelines.fit.outcome import Fits
from pipelines.fit.pareto_nbd import PARETO_NBD
from pipelines.fit.search import find
from pipelines.fit.timing import TIMING_MODELS, Timing, TimingModel

pytestmark = pytest.mark.usefixtures("with_few_checks")

LIMITS: list[Timing] = [limit for model in TIMING_MODELS for limit in model.limits]


def shop(
    count: int, seed: int, leaving_per_week: float = 0.0, leaving_after_purchase: float = 0.0
) -> Histories:
    """Paces gamma (1.2, rate 3 weeks); of leaving, all have the same rate, and the same chance after each purchase."""
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        age, pace = int(chance.integers(200, 700)), chance.gamma(1.2) / 3 / 7
        until = age if not leaving_per_week else min(age, chance.exponential(7 / leaving_per_week))
        days = np.cumsum(chance.exponential(1 / pace, size=chance.poisson(pace * age) * 2 + 20))
        tosses = chance.random(len(days)) < leaving_after_purchase
        stayed = int(np.argmax(tosses)) + 1 if tosses.any() else len(days)
        seen = np.unique(np.ceil(days[:stayed][days[:stayed] < until]))
        seen = seen[seen <= age]
        rows.append((len(seen), int(seen[-1]) if len(seen) else 0, age, 1))
    return Histories.of(*zip(*rows, strict=True))


def fitted(histories: Histories) -> Fits:
    chance = np.random.default_rng(5)
    spends = Spends(
        np.full(800, 3.0), 20 * chance.gamma(6, size=800) / chance.gamma(4, size=800), np.ones(800)
    )
    none = Histories.of([], [], [], [])
    return fit_models(Sample(histories, spends, none, none.x, None))


@pytest.fixture(scope="module")
def stayers() -> Histories:
    return shop(520, seed=2)


@pytest.fixture(scope="module")
def fits(stayers: Histories) -> Fits:
    return fitted(stayers)


@pytest.mark.soak
def test_where_nobody_leaves_each_model_is_the_nbd_and_says_so(fits: Fits) -> None:
    timing = [fit for fit in fits.fits if fit.model != "gamma_gamma" and fit.sample == "full"]
    assert {(fit.model, fit.limit, fit.reason) for fit in timing} == {
        (model.name, "nbd", None) for model in TIMING_MODELS
    }
    assert fits.limits == dict.fromkeys(["bg_nbd (full)", "mbg_nbd (full)", "pareto_nbd (full)"], "nbd")
    frame = fits.frame(date(2024, 5, 1)).set_index(["model", "sample"])
    assert frame.loc[("bg_nbd", "full"), "is_published"]
    assert frame.loc[("bg_nbd", "full"), ["a", "b", "leaving"]].isna().all()
    assert pd.isna(frame.loc[("gamma_gamma", "full"), "limit_model"])


def test_the_likelihood_of_the_nbd_is_that_of_counting_purchases(stayers: Histories, fits: Fits) -> None:
    """Of a count, the moments of n purchases in T weeks are n! / T ** n as likely in each order as the history."""
    found = next(fit for fit in fits.fits if fit.label == "bg_nbd (full)")
    r, alpha = found.values

    def likelihood(r: float, alpha: float) -> float:
        x, age = stayers.x, stayers.age
        counts = nbinom.logpmf(x, r, alpha / (alpha + age))
        return float(np.dot(counts + gammaln(x + 1) - x * np.log(age), stayers.count))

    assert found.log_likelihood == pytest.approx(likelihood(r, alpha), rel=1e-9)
    for aside in (0.999, 1.001):
        assert likelihood(r * aside, alpha) < likelihood(r, alpha) > likelihood(r, alpha * aside)


def test_where_nobody_leaves_all_are_alive_and_expect_the_mean_of_their_next_counts(
    stayers: Histories, fits: Fits
) -> None:
    r, alpha = next(fit for fit in fits.fits if fit.label == "bg_nbd (full)").values
    expected = nbinom.mean(r + stayers.x, (alpha + stayers.age) / (alpha + stayers.age + 365 / 7))
    for model in ("bg_nbd", "mbg_nbd"):
        assert (fits.expectations[f"p_alive_{model}"] == 1).all()
        found = fits.expectations[f"expected_purchase_days_12m_{model}"]
        assert found.to_numpy() == pytest.approx(expected, rel=1e-9)


def test_a_night_after_one_at_a_limit_publishes_the_same(stayers: Histories, fits: Fits) -> None:
    for model in (BG_NBD, MBG_NBD):
        last = next(f for f in fits.fits if f.label == f"{model.name} (full)")
        for before in (list(last.parameters.values()), [0.5, 9.0, 3.0, 2.0]):
            again = find(model, stayers, [before])
            assert again.model.limit == last.limit
            assert again.maximum.parameters.tolist() == list(last.parameters.values())


def test_a_rate_of_leaving_alike_for_all_is_a_limit_with_chances_of_its_own() -> None:
    """As in the demo: Pareto/NBD's gamma of leaving shrinks to a point, which is not nobody leaving."""
    histories = shop(1500, seed=4, leaving_per_week=0.02)
    found = find(PARETO_NBD, histories, [])
    assert found.model.limit in ("exponential_nbd", None)
    alike = ExponentialNbd("pareto_nbd")
    best = maximise(lambda p: alike.likelihood(p, histories), alike.parameters, alike.starts(histories))
    assert best.parameters[2] == pytest.approx(0.02, rel=0.15)
    assert found.log_likelihood >= alike.likelihood(best.parameters, histories)[0] * histories.customers - 2
    assert (found.model.p_alive(found.maximum.parameters, histories) < 1).any()


def test_where_some_leave_at_once_and_the_others_never_that_is_the_limit(stayers: Histories) -> None:
    """A quarter more customers who came once."""
    nought = np.zeros(173)
    ages = stayers.age[:173]
    histories = Histories(
        *(
            np.concatenate(pair)
            for pair in (
                (stayers.x, nought),
                (stayers.t_x, nought),
                (stayers.age, ages),
                (stayers.count, nought + 1),
            )
        )
    )
    found = find(MBG_NBD, histories, [])
    assert found.model.limit == "inflated_nbd"
    assert np.exp(-found.maximum.parameters[2]) == pytest.approx(0.75, abs=0.02)
    alive = found.model.p_alive(found.maximum.parameters, histories)
    assert (alive[histories.x > 0] == 1).all()
    assert (alive[histories.x == 0] < 0.5).all()


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.name}-{limit.limit}")
def test_gradients_of_limits_are_those_of_their_likelihoods(limit: Timing) -> None:
    histories = Histories.of([0, 1, 4, 60], [0, 30, 300, 400], [350, 40, 400, 400], [3, 1, 2, 1])
    at = np.array([0.8, 5.0, 0.07])[: len(limit.parameters)]
    _, gradient = limit.likelihood(at, histories)
    for i in range(len(at)):
        aside = np.eye(len(at))[i] * 1e-5 * at[i]
        up, down = (limit.likelihood(at + sign * aside, histories)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / (2e-5 * at[i]), rel=1e-5)


def towards(limit: Timing) -> tuple[TimingModel, list[float]]:
    """The model and its parameters of leaving so near to the limit that figures differ by less than a millionth."""
    if isinstance(limit, Nbd):
        model = next(m for m in TIMING_MODELS if m.name == limit.name)
        return model, [1e-9, 1.0]
    if isinstance(limit, GeometricNbd):
        p = -np.expm1(-0.07)
        return (MBG_NBD if limit.counts_first_purchase else BG_NBD), [1e8 * p, 1e8 * (1 - p)]
    if isinstance(limit, InflatedNbd):
        p = -np.expm1(-0.07)
        if limit.name == "pareto_nbd":  # s ln(beta) is -0.07, and beta so small that no other time is seen
            return PARETO_NBD, [0.07 / 690, float(np.exp(-690))]
        return (MBG_NBD if limit.counts_first_purchase else BG_NBD), [1e-9 * p, 1e-9 * (1 - p)]
    return PARETO_NBD, [1e7 * 0.07, 1e7]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.name}-{limit.limit}")
def test_a_limit_is_what_its_model_comes_to(limit: Timing) -> None:
    histories = Histories.of([0, 1, 4, 60], [0, 30, 300, 400], [350, 40, 400, 400], [3, 1, 2, 1])
    model, leaving = towards(limit)
    # The smallest beta that a double can hold is not yet nothing.
    near_enough = 2e-3 if leaving[1] < 1e-200 else 2e-5
    at, near = np.array([0.8, 5.0, 0.07])[: len(limit.parameters)], np.array([0.8, 5.0, *leaving])
    for figure in ("p_alive", "likelihood"):
        found, expected = getattr(limit, figure)(at, histories), getattr(model, figure)(near, histories)
        if figure == "likelihood":
            found, expected = found[0], expected[0]
        assert found == pytest.approx(expected, rel=near_enough, abs=1e-7)
    assert limit.expected(at, histories, 52.0) == pytest.approx(
        model.expected(near, histories, 52.0), rel=near_enough, abs=1e-7
    )
    assert limit.expected_from_start(at, [0.0, 9.0]) == pytest.approx(
        model.expected_from_start(near, [0.0, 9.0]), rel=near_enough
    )


def test_alive_under_a_rate_alike_for_all_is_that_of_quadrature() -> None:
    r, alpha, leaving, x, t_x, age = 0.8, 5.0, 0.02, 3.0, 20.0, 60.0
    density = lambda t: leaving * np.exp(-leaving * t) * (alpha + t) ** -(r + x)  # noqa: E731
    there = np.exp(-leaving * age) * (alpha + age) ** -(r + x)
    expected = there / (there + quad(density, t_x, age, epsabs=0, epsrel=1e-11)[0])
    one = Histories(*(np.array([value]) for value in (x, t_x, age, 1.0)))
    found = ExponentialNbd("pareto_nbd").p_alive(np.array([r, alpha, leaving]), one)
    assert found == pytest.approx(expected, rel=1e-9)
