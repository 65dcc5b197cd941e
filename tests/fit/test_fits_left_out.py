"""A fit that cannot be trusted is left out with its reason; nothing that goes wrong in one stops a night."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from pipelines.fit import Sample, fit_models
from pipelines.fit.beta_geometric import BG_NBD
from pipelines.fit.calibration import Tracking
from pipelines.fit.gamma_gamma import GAMMA_GAMMA
from pipelines.fit.histories import Floats, Histories, Spends
from pipelines.fit.timing import TIMING_MODELS


def names(model: str) -> tuple[str, ...]:
    return {m.name: m.parameters for m in (*TIMING_MODELS, GAMMA_GAMMA)}[model]


MODELS = {"bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma"}


def shoppers(count: int, days: int, seed: int = 1, leaving: float = 0.2) -> tuple[Histories, Spends]:
    """Buyers with rates of their own who leave after a purchase with some probability; spends of their own mean."""
    chance = np.random.default_rng(seed)
    rows, spends = [], []
    for _ in range(count):
        pace, leaves = chance.gamma(0.8) / 40, chance.beta(1, 1 / leaving)
        age, day, x = int(chance.integers(days // 2, days + 1)), 0, 0
        while chance.random() > leaves:
            day_next = day + max(1, round(chance.exponential(1 / pace)))
            if day_next > age:
                break
            day, x = day_next, x + 1
        rows.append((x, day, age, 1))
        if x:
            spends.append((x, round(float(chance.gamma(6 * x, 1 / x) * 90 / chance.gamma(4)), 6) + 0.01, 1))
    return Histories.of(*zip(*rows, strict=True)), Spends.of(*zip(*spends, strict=True))


def sample(histories: Histories, spends: Spends, tracking: Tracking | None = None) -> Sample:
    return Sample(histories, spends, histories, np.zeros_like(histories.x), tracking)


def reasons(given: Sample) -> dict[str, str]:
    return fit_models(given).reasons


@pytest.mark.parametrize(
    ("count", "days", "said"),
    [
        (499, 400, "only 499 buyers; a fit needs 500"),
        (600, 179, "only 179 days since the first purchase; a fit needs 180"),
    ],
)
def test_too_few_buyers_or_days_are_no_base_for_a_fit(count: int, days: int, said: str) -> None:
    histories, spends = shoppers(count, days)
    histories.age[0] = days / 7
    found = fit_models(sample(histories, spends))
    assert set(found.reasons.values()) == {said}
    frame = found.frame(date(2024, 5, 1))
    assert set(frame["model"]) == MODELS
    assert not frame["is_published"].any()
    assert frame[["r", "alpha", "log_likelihood"]].isna().all().all()
    assert found.expectations[["p_alive_bg_nbd", "expected_purchase_days_12m_mbg_nbd"]].isna().all().all()
    assert found.calibration.empty


def test_500_buyers_over_180_days_are_enough() -> None:
    histories, spends = shoppers(500, 180, leaving=0.4)
    histories.age[0] = 180 / 7
    found = {fit.model: fit for fit in fit_models(sample(histories, spends)).fits if fit.sample == "full"}
    assert found["bg_nbd"].reason is None
    assert found["bg_nbd"].customers == 500


def test_a_buyer_with_three_purchase_days_is_needed() -> None:
    histories, spends = shoppers(600, 400)
    few = Histories(np.minimum(histories.x, 1), histories.t_x, histories.age, histories.count)
    assert set(reasons(sample(few, spends)).values()) == {"no buyer has 3 purchase days"}


def test_without_a_customer_nothing_is_fitted_and_nothing_fails() -> None:
    none = Histories.of([], [], [], [])
    assert set(reasons(sample(none, Spends.of([], [], []))).values()) == {"no buyers; a fit needs 500"}


def alike() -> Sample:
    """600 customers of one and the same history, who never leave."""
    histories = Histories(np.array([12.0]), np.array([51.0]), np.array([52.0]), np.array([600.0]))
    return sample(histories, Spends.of([12], [20.0], [600]))


def test_customers_who_all_buy_alike_and_never_leave_have_no_maximum() -> None:
    found = fit_models(alike())
    assert {fit.customers for fit in found.fits} == {600}
    assert set(found.reasons) == {f.label for f in found.fits}
    assert {fit.why.code for fit in found.fits if fit.why} == {"no_maximum"}
    (said,) = set(found.reasons.values())
    assert "explain these customers equally well" in said


@pytest.mark.soak
def test_where_a_search_without_a_maximum_began_is_not_seen_in_what_is_published() -> None:
    found = fit_models(alike())
    last = {(f.model, f.sample): dict.fromkeys(names(f.model), 20.0) for f in found.fits}
    assert fit_models(alike(), last).reasons == found.reasons


def test_an_error_within_a_fit_is_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        raise FloatingPointError("no such number")

    monkeypatch.setattr(type(BG_NBD), "likelihood", broken)
    found = reasons(sample(*shoppers(600, 400)))
    assert found["bg_nbd (full)"] == "the fit failed: FloatingPointError: no such number"
    assert "pareto_nbd (full)" not in found


def test_spend_without_a_finite_mean_is_left_out() -> None:
    histories, _ = shoppers(600, 400)
    chance = np.random.default_rng(3)
    x = np.full(600, 3.0)
    wild = np.exp(chance.standard_cauchy(600).clip(-8, 12))
    (said,) = (
        reason
        for label, reason in reasons(sample(histories, Spends(x, wild, np.ones(600)))).items()
        if label.startswith("gamma_gamma")
    )
    assert said == "the mean spend that it expects of all customers is far from what was seen"


def test_leaving_that_is_alike_for_all_gives_finite_figures_or_none() -> None:
    """The beta of leaving is then a narrow bell, with parameters in the hundreds."""
    chance = np.random.default_rng(1)
    rows = []
    for _ in range(1500):
        age, day, x = int(chance.integers(1, 1001)), 0, 0
        pace = chance.gamma(1.0) / 30
        while chance.random() > 0.3 and (later := day + max(1, round(chance.exponential(1 / pace)))) <= age:
            day, x = later, x + 1
        rows.append((x, day, age, 1))
    histories = Histories.of(*zip(*rows, strict=True))
    born = np.bincount(1000 - np.rint(histories.age * 7).astype(int), minlength=1001).astype(float)
    _, spends = shoppers(600, 400)
    found = fit_models(sample(histories, spends, Tracking(born, born, 600)))
    published = {(f.model, f.sample) for f in found.fits if f.reason is None}
    assert ("bg_nbd", "calibration") in published or "bg_nbd (calibration)" in found.reasons
    assert np.isfinite(found.calibration["predicted_purchase_days"].to_numpy(dtype=float)).all()
    assert set(found.calibration["model"]) == {m for m, s in published if s == "calibration"}
    for model in ("bg_nbd", "mbg_nbd"):
        assert found.expectations[f"p_alive_{model}"].notna().all() == ((model, "full") in published)


def test_what_follows_from_a_fit_and_fails_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        return np.full_like(histories.x, np.nan)

    monkeypatch.setattr(type(BG_NBD), "expected", broken)
    found = fit_models(sample(*shoppers(600, 400)))
    assert found.reasons["bg_nbd (full)"] == "what follows from the parameters is not finite"
    assert found.expectations["p_alive_bg_nbd"].isna().all()
    assert next(f for f in found.fits if f.label == "bg_nbd (full)").is_converged


def test_one_customer_without_a_value_loses_only_the_own_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = type(BG_NBD).expected

    def broken_for_one(self: Any, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        found = expected(self, parameters, histories, weeks)
        found[7] = np.nan
        return found

    monkeypatch.setattr(type(BG_NBD), "expected", broken_for_one)
    found = fit_models(sample(*shoppers(600, 400)))
    fit = next(f for f in found.fits if f.label == "bg_nbd (full)")
    assert (fit.reason, fit.withheld, found.withheld["bg_nbd (full)"]) == (None, 1, 1)
    empty = found.expectations[["p_alive_bg_nbd", "expected_purchase_days_12m_bg_nbd"]].isna()
    assert empty.all(axis=1).to_numpy().nonzero()[0].tolist() == [7]
    assert empty.any(axis=1).sum() == 1
    frame = found.frame(date(2024, 5, 1)).set_index(["model", "sample"])
    assert frame.loc[("bg_nbd", "full"), "withheld_customers"] == 1


def test_a_night_that_starts_from_the_last_one_publishes_the_same_in_fewer_steps() -> None:
    given = sample(*shoppers(800, 500))
    first = fit_models(given)
    again = fit_models(given, {(f.model, f.sample): f.parameters for f in first.fits if f.is_converged})
    assert first.frame(date(2024, 5, 1)).equals(again.frame(date(2024, 5, 1)))
    assert first.expectations.equals(again.expectations)
    assert sum(f.iterations for f in again.fits) < sum(f.iterations for f in first.fits)


def test_a_search_that_begins_on_a_part_ends_at_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    given = sample(*shoppers(2000, 500))
    whole = fit_models(given)
    assert whole.reasons == {}
    monkeypatch.setattr("pipelines.fit.search.FEW_HISTORIES", 400)
    in_part = fit_models(given)
    again = fit_models(given, {(f.model, f.sample): f.parameters for f in whole.fits})
    for found in (in_part, again):
        assert found.frame(date(2024, 5, 1)).equals(whole.frame(date(2024, 5, 1)))


def test_parameters_of_a_made_up_shop_are_found_again() -> None:
    """BG/NBD itself made the histories, with r 0.8 and alpha 40/7 weeks: 6,000 buyers give them back within 10 %."""
    histories, spends = shoppers(6_000, 700)
    (fit,) = (f for f in fit_models(sample(histories, spends)).fits if f.label == "mbg_nbd (full)")
    assert fit.parameters["r"] == pytest.approx(0.8, rel=0.1)
    assert fit.parameters["alpha"] == pytest.approx(40 / 7, rel=0.1)


def test_predicted_weeks_add_up_cohort_by_cohort() -> None:
    """Against the plain double sum over days of first purchase and weeks."""
    from pipelines.fit.calibration import by_week

    born = np.zeros(70)
    born[[0, 3, 30]] = [10, 5, 7]
    at = np.array([0.3, 5.0, 0.8, 2.5])
    found = by_week(BG_NBD, at, Tracking(born, np.zeros(70), 34))
    assert found["bucket"].tolist() == list(range(1, 11))
    assert found["is_holdout"].tolist() == [False] * 5 + [True] * 5
    assert found["customers"].tolist() == [15, 15, 15, 15, 22, 22, 22, 22, 22, 22]
    for week, predicted in zip(found["bucket"], found["predicted_purchase_days"], strict=True):
        last = 7 * week - 1
        expected = sum(
            n * BG_NBD.expected_from_start(at, [(last - day) / 7])[0]
            for day, n in ((0, 10), (3, 5), (30, 7))
            if day <= last
        )
        assert predicted == pytest.approx(expected, abs=1e-6)
