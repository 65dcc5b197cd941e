"""Fits the models of retention and value, and says what follows from them; a fit that fails is left out with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from pipelines.fit import calibration
from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD
from pipelines.fit.gamma_gamma import GAMMA_GAMMA
from pipelines.fit.gate import gate
from pipelines.fit.histories import DAYS_PER_WEEK, Floats, Histories
from pipelines.fit.maximum import Maximum, maximise
from pipelines.fit.outcome import Fit, Fits, Last
from pipelines.fit.sample import Sample
from pipelines.fit.timing import TIMING_MODELS, TimingModel

logger = logging.getLogger(__name__)

YEAR_WEEKS = 365 / DAYS_PER_WEEK
"""The twelve months that are foretold."""

FEW_HISTORIES = 10_000
"""Distinct histories up to which a search from nothing takes no noticeable time, even one that finds no maximum."""

FARTHEST_MEAN = 5.0
"""The mean spend that Gamma-Gamma expects of all customers goes to infinity as q falls to 1; so many times what was seen,
it says nothing of customers without a repeat purchase."""

Say = Callable[[str], None]


def fit_models(sample: Sample, last: Last | None = None, say: Say | None = None) -> Fits:
    """Fit all models on all buyers, and the timing models on the calibration, too.

    Args:
        sample: The sufficient statistics.
        last: Parameters to start from; they save time, and change no figure.
        say: Hears of each fit.
    """
    last = last or {}
    found: list[Fit] = []
    reports: list[pd.DataFrame] = []
    expectations = _histories_of(sample.full)

    def kept(fit: Fit) -> None:
        found.append(fit)
        if say is not None:
            say(f"{fit.label}: " + (fit.reason or f"{fit.iterations} iterations"))

    for model in TIMING_MODELS:
        fit, frame = _followed(
            _timing(model, sample.full, "full", last), partial(_expectations, model, sample.full)
        )
        kept(fit)
        if model in (BG_NBD, MBG_NBD):
            expectations = expectations.join(_nothing(model, sample.full) if frame is None else frame)
    kept(_spend(sample, last))
    for model in TIMING_MODELS:
        fit, frame = _followed(
            _timing(model, sample.calibration, "calibration", last), partial(_report, model, sample)
        )
        kept(fit)
        if frame is not None:
            reports.append(frame)
    report = pd.concat(reports, ignore_index=True) if reports else pd.DataFrame(columns=calibration.COLUMNS)
    return Fits(found, expectations, report)


def _followed(fit: Fit, work: Callable[[Floats], pd.DataFrame]) -> tuple[Fit, pd.DataFrame | None]:
    """What follows from a fit's parameters; the fit is left out if that is not all finite."""
    if fit.reason is not None:
        return fit, None
    try:
        with np.errstate(all="ignore"):
            frame = work(fit.values)
    except Exception as error:  # a model may be left out, the night may not
        logger.warning("what follows from %s failed", fit.label, exc_info=True)
        return replace(fit, reason=f"what follows from the fit failed: {type(error).__name__}: {error}"), None
    if not np.isfinite(frame.select_dtypes("number").to_numpy(dtype=float)).all():
        return replace(fit, reason="what follows from the parameters is not finite"), None
    return fit, frame


def _timing(model: TimingModel, histories: Histories, sample: str, last: Last) -> Fit:
    def search(before: list[list[float]]) -> tuple[Maximum, float]:
        def likelihood(parameters: Floats) -> tuple[float, Floats]:
            return model.likelihood(parameters, histories)

        starts = model.starts(histories)
        if len(histories.x) > FEW_HISTORIES:
            # The way to the maximum on a few of the histories, and only its end on all. Where a few have none, all are
            # not searched, whatever the last night had: that would take minutes, and hang on what came before.
            few = histories.thinned(FEW_HISTORIES)
            near = maximise(lambda p: model.likelihood(p, few), model.parameters, starts)
            if not near.is_converged:
                return near, np.nan
            starts = [near.parameters.tolist()]
        maximum = maximise(likelihood, model.parameters, [*before, *starts])
        mean = likelihood(maximum.parameters)[0] if maximum.is_converged else np.nan
        return maximum, mean * histories.customers

    return _fitted(model.name, sample, model.parameters, histories, histories.repeat_customers, search, last)


def _spend(sample: Sample, last: Last) -> Fit:
    spends = sample.spends

    def search(before: list[list[float]]) -> tuple[Maximum, float]:
        def likelihood(parameters: Floats) -> tuple[float, Floats]:
            return GAMMA_GAMMA.likelihood(parameters, spends)

        maximum = maximise(likelihood, GAMMA_GAMMA.parameters, [*before, *GAMMA_GAMMA.starts(spends)])
        mean = likelihood(maximum.parameters)[0] if maximum.is_converged else np.nan
        return maximum, mean * spends.customers

    fit = _fitted(
        GAMMA_GAMMA.name, "full", GAMMA_GAMMA.parameters, sample.full, spends.customers, search, last
    )
    if fit.reason is not None:
        return fit
    p, q, v = fit.values
    seen = float(np.average(spends.mean_spend, weights=spends.count))
    if q <= 1 or p * v / (q - 1) > FARTHEST_MEAN * seen:
        return replace(
            fit, reason="the mean spend that it expects of all customers is far from what was seen"
        )
    return fit


def _fitted(
    model: str,
    sample: str,
    names: tuple[str, ...],
    histories: Histories,
    repeat_customers: int,
    search: Callable[[list[list[float]]], tuple[Maximum, float]],
    last: Last,
) -> Fit:
    """Fit where the histories can carry it. Nothing that goes wrong here may stop a night."""
    counts = (model, sample, histories.customers, repeat_customers)
    if (reason := gate(histories)) is not None:
        return Fit(*counts, {}, None, False, reason)
    before = last.get((model, sample))
    try:
        with np.errstate(all="ignore"):
            maximum, log_likelihood = search([list(before.values())] if before else [])
    except Exception as error:  # a model may be left out, the night may not
        logger.warning("fitting %s (%s) failed", model, sample, exc_info=True)
        return Fit(*counts, {}, None, False, f"the fit failed: {type(error).__name__}: {error}")
    if not maximum.is_converged or not np.isfinite(log_likelihood):
        # In which way a search fails hangs on where it began: that is for the log, not for what is published.
        logger.info("%s (%s) did not converge: %s", model, sample, maximum.reason)
        return Fit(
            *counts, {}, None, False, "did not converge: the data determine no maximum of the likelihood"
        )
    parameters = dict(zip(names, maximum.parameters.tolist(), strict=True))
    # Rounded, as the last bits of a sum depend on how many threads add it up.
    return Fit(*counts, parameters, round(log_likelihood, 6), True, None, maximum.iterations)


def _histories_of(histories: Histories) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "repeat_purchase_days": histories.x.astype(np.int64),
            "span_days": np.rint(histories.t_x * DAYS_PER_WEEK).astype(np.int64),
            "age_days": np.rint(histories.age * DAYS_PER_WEEK).astype(np.int64),
        }
    )


def _expectations(model: TimingModel, histories: Histories, parameters: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            f"p_alive_{model.name}": model.p_alive(parameters, histories),
            f"expected_purchase_days_12m_{model.name}": model.expected(parameters, histories, YEAR_WEEKS),
        }
    )


def _nothing(model: TimingModel, histories: Histories) -> pd.DataFrame:
    names = (f"p_alive_{model.name}", f"expected_purchase_days_12m_{model.name}")
    return pd.DataFrame(np.nan, index=range(len(histories.x)), columns=list(names))


def _report(model: TimingModel, sample: Sample, parameters: Floats) -> pd.DataFrame:
    if sample.tracking is None:
        return pd.DataFrame(columns=calibration.COLUMNS)
    weeks = sample.tracking.holdout_weeks
    classes = calibration.by_frequency(model, parameters, sample.calibration, sample.holdout, weeks)
    return pd.concat([classes, calibration.by_week(model, parameters, sample.tracking)], ignore_index=True)
