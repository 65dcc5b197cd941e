"""Fits the models of retention and value, and says what follows from them; a fit that fails is left out with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from pipelines.fit import calibration
from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD
from pipelines.fit.gamma_gamma import GAMMA_GAMMA
from pipelines.fit.gate import gate
from pipelines.fit.histories import DAYS_PER_WEEK, Floats, Histories, Spends
from pipelines.fit.maximum import Likelihood, maximise
from pipelines.fit.sample import Sample
from pipelines.fit.timing import TIMING_MODELS, TimingModel

logger = logging.getLogger(__name__)

PARAMETERS = ("r", "alpha", "a", "b", "s", "beta", "p", "q", "v")
"""Of all models; each has some of them."""

YEAR_WEEKS = 365 / DAYS_PER_WEEK
"""The twelve months that are foretold."""

FEW_HISTORIES = 20_000
"""Distinct histories up to which a search from nothing takes no noticeable time."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fit:
    """One model on one sample; `reason` says why nothing of it is published, None where it is."""

    model: str
    sample: str
    customers: int
    repeat_customers: int
    parameters: Mapping[str, float]
    log_likelihood: float | None
    is_converged: bool
    reason: str | None
    iterations: int = 0

    @property
    def values(self) -> Floats:
        """The parameters in their order."""
        return np.array(list(self.parameters.values()))

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.model} ({self.sample})"


@dataclass(frozen=True)
class Fits:
    """Everything that a night's fitting gives; the frames have the columns of the tables of schema `fits`."""

    fits: list[Fit]
    expectations: pd.DataFrame
    """Per distinct history (x, span, age in days): P(alive) and expected purchase days in the next 365 days."""
    calibration: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=calibration.COLUMNS))

    def frame(self, as_of: date) -> pd.DataFrame:
        """One row per model and sample."""
        return pd.DataFrame(
            [
                {
                    "model": fit.model,
                    "sample": fit.sample,
                    "fitted_at": as_of,
                    "customers": fit.customers,
                    "repeat_customers": fit.repeat_customers,
                    "is_converged": fit.is_converged,
                    "is_published": fit.reason is None,
                    "reason": fit.reason,
                    "log_likelihood": fit.log_likelihood,
                    **{name: fit.parameters.get(name) for name in PARAMETERS},
                }
                for fit in self.fits
            ]
        )

    @property
    def reasons(self) -> dict[str, str]:
        """Why a model is not published, by model and sample."""
        return {fit.label: fit.reason for fit in self.fits if fit.reason is not None}


Last = Mapping[tuple[str, str], Mapping[str, float]]
"""The parameters of the last night, by model and sample: where the search begins."""


def fit_models(sample: Sample, last: Last | None = None, say: Say | None = None) -> Fits:
    """Fit all models on all buyers, and the timing models on the calibration, too.

    Args:
        sample: The sufficient statistics.
        last: Parameters to start from; the result does not depend on them.
        say: Hears of each fit.
    """
    last = last or {}
    found: list[Fit] = []
    tables: list[pd.DataFrame] = []

    def kept(fit: Fit) -> Fit:
        found.append(fit)
        if say is not None:
            say(f"{fit.label}: " + (fit.reason or f"{fit.iterations} iterations"))
        return fit

    full = {m.name: kept(_timing(m, sample.full, "full", last)) for m in TIMING_MODELS}
    kept(_spend(sample, last))
    for model in TIMING_MODELS:
        fit = kept(_timing(model, sample.calibration, "calibration", last))
        if fit.reason is None and sample.tracking is not None:
            weeks = sample.tracking.holdout_weeks
            tables.append(
                calibration.by_frequency(model, fit.values, sample.calibration, sample.holdout, weeks)
            )
            tables.append(calibration.by_week(model, fit.values, sample.tracking))
    reports = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=calibration.COLUMNS)
    return Fits(found, _expectations(sample.full, full), reports)


def _timing(model: TimingModel, histories: Histories, sample: str, last: Last) -> Fit:
    def problem() -> tuple[Likelihood, list[list[float]], int]:
        starts = model.starts(histories)
        if len(histories.x) > FEW_HISTORIES and (model.name, sample) not in last:
            # The way to the maximum on a few of the histories, and only its end on all.
            few = histories.thinned(FEW_HISTORIES)
            near = maximise(lambda p: model.likelihood(p, few), model.parameters, starts)
            starts = [near.parameters.tolist(), *starts] if near.is_converged else starts
        return lambda p: model.likelihood(p, histories), starts, histories.customers

    return _fitted(model.name, sample, model.parameters, histories, histories.repeat_customers, problem, last)


def _spend(sample: Sample, last: Last) -> Fit:
    spends: Spends = sample.spends
    fit = _fitted(
        GAMMA_GAMMA.name,
        "full",
        GAMMA_GAMMA.parameters,
        sample.full,
        spends.customers,
        lambda: (lambda p: GAMMA_GAMMA.likelihood(p, spends), GAMMA_GAMMA.starts(spends), spends.customers),
        last,
    )
    if fit.reason is None and fit.parameters["q"] <= 1:
        # What is expected of customers without a repeat purchase is the mean over all, and that is infinite.
        reason = f"mean spend has no finite expectation (q is {fit.parameters['q']:.3g}, not above 1)"
        return replace(fit, reason=reason)
    return fit


def _fitted(
    model: str,
    sample: str,
    names: tuple[str, ...],
    histories: Histories,
    repeat_customers: int,
    problem: Callable[[], tuple[Likelihood, list[list[float]], int]],
    last: Last,
) -> Fit:
    """Fit where the histories can carry it. Nothing that goes wrong here may stop a night."""
    counts = (model, sample, histories.customers, repeat_customers)
    if (reason := gate(histories)) is not None:
        return Fit(*counts, {}, None, False, reason)
    try:
        with np.errstate(all="ignore"):
            likelihood, starts, subjects = problem()
            before = last.get((model, sample))
            maximum = maximise(likelihood, names, ([list(before.values())] if before else []) + starts)
            mean, _ = likelihood(maximum.parameters)
    except Exception as error:  # a model may be left out, the night may not
        logger.warning("fitting %s (%s) failed", model, sample, exc_info=True)
        return Fit(*counts, {}, None, False, f"the fit failed: {type(error).__name__}: {error}")
    if not maximum.is_converged or not np.isfinite(mean):
        return Fit(
            *counts, {}, None, False, f"did not converge: {maximum.reason or 'the likelihood is not finite'}"
        )
    parameters = dict(zip(names, maximum.parameters.tolist(), strict=True))
    # Rounded, as the last bits of a sum depend on how many threads add it up.
    return Fit(*counts, parameters, round(mean * subjects, 6), True, None, maximum.iterations)


def _expectations(histories: Histories, fits: Mapping[str, Fit]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "repeat_purchase_days": histories.x.astype(np.int64),
            "span_days": np.rint(histories.t_x * DAYS_PER_WEEK).astype(np.int64),
            "age_days": np.rint(histories.age * DAYS_PER_WEEK).astype(np.int64),
        }
    )
    for model in (BG_NBD, MBG_NBD):
        fit = fits[model.name]
        is_published = fit.reason is None
        with np.errstate(all="ignore"):
            alive = model.p_alive(fit.values, histories) if is_published else None
            expected = model.expected(fit.values, histories, YEAR_WEEKS) if is_published else None
        frame[f"p_alive_{model.name}"] = pd.Series(alive, index=frame.index, dtype=float)
        frame[f"expected_purchase_days_12m_{model.name}"] = pd.Series(
            expected, index=frame.index, dtype=float
        )
    return frame
