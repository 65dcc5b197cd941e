"""Fits the models of retention and value, and says what follows from them; a fit that fails is left out with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.fit import calibration
from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD
from pipelines.fit.gamma_gamma import GAMMA_GAMMA
from pipelines.fit.gate import gate
from pipelines.fit.histories import DAYS_PER_WEEK, Floats, Histories
from pipelines.fit.maximum import Maximum, maximise
from pipelines.fit.outcome import Fit, Fits, Last, Why
from pipelines.fit.sample import Sample
from pipelines.fit.search import Found, find
from pipelines.fit.timing import TIMING_MODELS, Timing, TimingModel

logger = logging.getLogger(__name__)

YEAR_WEEKS = 365 / DAYS_PER_WEEK
"""The twelve months that are foretold."""

FARTHEST_MEAN = 5.0
"""The mean spend that Gamma-Gamma expects of all customers goes to infinity as q falls to 1; so many times what was seen,
it says nothing of customers without a repeat purchase."""

Say = Callable[[str], None]

Searched = tuple[tuple[str, ...], Maximum, float]
"""The parameters' names, where the search for them ended, and the log-likelihood of all customers there."""

_NO_MAXIMUM = Why(
    "no_maximum",
    "did not converge: the data determine no maximum of the likelihood; "
    "very different paces and chances of leaving explain these customers equally well",
)
_NOT_FINITE = Why("not_finite", "what follows from the parameters is not finite")
_FAR_SPEND = Why("far_spend", "the mean spend that it expects of all customers is far from what was seen")


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
            at = f"at its limit, {fit.limit}; " if fit.limit else ""
            say(f"{fit.label}: " + (fit.reason or f"{at}{fit.iterations} iterations"))

    for model in TIMING_MODELS:
        fit, fitted = _timing(model, sample.full, "full", last)
        fit, frame = _followed(fit, partial(_expectations, fitted, sample.full, fit.values))
        if frame is not None:
            fit, frame = _withheld(fit, frame, sample.full)
        kept(fit)
        if model in (BG_NBD, MBG_NBD):
            expectations = expectations.join(_nothing(model, sample.full) if frame is None else frame)
    kept(_spend(sample, last))
    for model in TIMING_MODELS:
        fit, fitted = _timing(model, sample.calibration, "calibration", last)
        fit, frame = _followed(fit, partial(_report, fitted, sample, fit.values))
        if frame is not None and not _is_finite(frame).all():
            fit, frame = replace(fit, why=_NOT_FINITE), None
        kept(fit)
        if frame is not None:
            reports.append(frame)
    report = pd.concat(reports, ignore_index=True) if reports else pd.DataFrame(columns=calibration.COLUMNS)
    return Fits(found, expectations, report)


def _followed(fit: Fit, work: Callable[[], pd.DataFrame]) -> tuple[Fit, pd.DataFrame | None]:
    """What follows from a fit's parameters; the fit is left out if that cannot be computed."""
    if fit.why is not None:
        return fit, None
    try:
        with np.errstate(all="ignore"):
            return fit, work()
    except Exception as error:  # a model may be left out, the night may not
        logger.warning("what follows from %s failed", fit.label, exc_info=True)
        said = f"what follows from the fit failed: {type(error).__name__}: {error}"
        return replace(fit, why=Why("failed", said)), None


def _withheld(fit: Fit, frame: pd.DataFrame, histories: Histories) -> tuple[Fit, pd.DataFrame | None]:
    """Figures without a value are withheld, each for itself; the fit is left out if there is no other."""
    known = _is_finite(frame)
    if not known.any():
        return replace(fit, why=_NOT_FINITE), None
    withheld = int(histories.count[~known].sum())
    if withheld:
        logger.warning("%s has no figures for %d customers", fit.label, withheld)
    return replace(fit, withheld=withheld), frame[known].reindex(frame.index)


def _is_finite(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """By row."""
    return np.asarray(np.isfinite(frame.select_dtypes("number").to_numpy(dtype=float)).all(axis=1))


def _timing(model: TimingModel, histories: Histories, sample: str, last: Last) -> tuple[Fit, Timing]:
    found: list[Found] = []

    def search(before: list[list[float]]) -> Searched:
        found.append(find(model, histories, before))
        return found[0].model.parameters, found[0].maximum, found[0].log_likelihood

    fit = _fitted(model.name, sample, histories, histories.repeat_customers, search, last)
    if fit.why is not None:
        return fit, model
    return replace(fit, limit=found[0].model.limit), found[0].model


def _spend(sample: Sample, last: Last) -> Fit:
    spends = sample.spends

    def search(before: list[list[float]]) -> Searched:
        def likelihood(parameters: Floats) -> tuple[float, Floats]:
            return GAMMA_GAMMA.likelihood(parameters, spends)

        maximum = maximise(likelihood, GAMMA_GAMMA.parameters, [*before, *GAMMA_GAMMA.starts(spends)])
        mean = likelihood(maximum.parameters)[0] if maximum.is_converged else np.nan
        return GAMMA_GAMMA.parameters, maximum, mean * spends.customers

    fit = _fitted(GAMMA_GAMMA.name, "full", sample.full, spends.customers, search, last)
    if fit.why is not None:
        return fit
    p, q, v = fit.values
    seen = float(np.average(spends.mean_spend, weights=spends.count))
    if q <= 1 or p * v / (q - 1) > FARTHEST_MEAN * seen:
        return replace(fit, why=_FAR_SPEND)
    return fit


def _fitted(
    model: str,
    sample: str,
    histories: Histories,
    repeat_customers: int,
    search: Callable[[list[list[float]]], Searched],
    last: Last,
) -> Fit:
    """Fit where the histories can carry it. Nothing that goes wrong here may stop a night."""
    counts = (model, sample, histories.customers, repeat_customers)
    if (why := gate(histories)) is not None:
        return Fit(*counts, {}, None, False, why)
    before = last.get((model, sample))
    try:
        with np.errstate(all="ignore"):
            names, maximum, log_likelihood = search([list(before.values())] if before else [])
    except Exception as error:  # a model may be left out, the night may not
        logger.warning("fitting %s (%s) failed", model, sample, exc_info=True)
        said = f"the fit failed: {type(error).__name__}: {error}"
        return Fit(*counts, {}, None, False, Why("failed", said))
    if not maximum.is_converged or not np.isfinite(log_likelihood):
        # In which way a search fails hangs on where it began: that is for the log, not for what is published.
        logger.info("%s (%s) did not converge: %s", model, sample, maximum.reason)
        return Fit(*counts, {}, None, False, _NO_MAXIMUM)
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


def _expectations(model: Timing, histories: Histories, parameters: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            f"p_alive_{model.name}": model.p_alive(parameters, histories),
            f"expected_purchase_days_12m_{model.name}": model.expected(parameters, histories, YEAR_WEEKS),
        }
    )


def _nothing(model: TimingModel, histories: Histories) -> pd.DataFrame:
    names = (f"p_alive_{model.name}", f"expected_purchase_days_12m_{model.name}")
    return pd.DataFrame(np.nan, index=range(len(histories.x)), columns=list(names))


def _report(model: Timing, sample: Sample, parameters: Floats) -> pd.DataFrame:
    if sample.tracking is None:
        return pd.DataFrame(columns=calibration.COLUMNS)
    weeks = sample.tracking.holdout_weeks
    classes = calibration.by_frequency(model, parameters, sample.calibration, sample.holdout, weeks)
    return pd.concat([classes, calibration.by_week(model, parameters, sample.tracking)], ignore_index=True)
