"""Finds a timing model's maximum on a sample, or the limit of the model that it lies at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.fit.histories import Floats, Histories
from pipelines.fit.maximum import FARTHEST, Likelihood, Maximum, searches
from pipelines.fit.timing import Timing, TimingModel

FEW_HISTORIES = 10_000
"""Distinct histories up to which a search from nothing takes no noticeable time, even one that finds no maximum."""


@dataclass(frozen=True)
class Found:
    """The model, or its limit, with its maximum; `log_likelihood` is of all customers, and NaN where there is none."""

    model: Timing
    maximum: Maximum
    log_likelihood: float


def find(model: TimingModel, histories: Histories, before: list[list[float]]) -> Found:
    """The maximum of a model, of one of its limits, or the reason of the search that found neither.

    Args:
        model: The model.
        histories: All of them.
        before: Parameters that the last night ended with, if any.
    """
    if len(histories.x) <= FEW_HISTORIES:
        return _with_limits(model, histories, before)
    # The way to the maximum on a few of the histories, and only its end on all. Where a few have none, all are
    # not searched, whatever the last night had: that would take minutes, and hang on what came before.
    near = _with_limits(model, histories.thinned(FEW_HISTORIES), [])
    if not near.maximum.is_converged:
        return near
    known = [start for start in before if len(start) == len(near.maximum.parameters)]
    return _last(near.model, histories, [*known, near.maximum.parameters.tolist()])


def _with_limits(model: TimingModel, histories: Histories, before: list[list[float]]) -> Found:
    known = [start for start in before if len(start) == len(model.parameters)]
    starts = [*known, *model.starts(histories)]
    ends = searches(_of(model, histories), model.parameters, starts)
    if ends[-1].is_converged:
        return _found(model, histories, ends[-1])
    limits = [limit for limit in _limits(model, histories) if limit.maximum.is_converged]
    if not limits:
        return _found(model, histories, ends[0])
    # A second look from beside the border: what the first starts missed would be near to it.
    limit = max(limits, key=_merit)
    beside = model.near(limit.maximum.parameters.tolist()[:2], histories)
    again = searches(_of(model, histories), model.parameters, beside)
    if again[-1].is_converged:
        return _found(model, histories, again[-1])
    # The ends of this night's own starts alone: the last night's may not decide what is published. Beyond the range of
    # parameters differences of gamma functions are noise; what lies there are the limits themselves.
    best = max(
        _total(model, histories, np.clip(end.parameters, 1 / FARTHEST, FARTHEST))
        for end in [*ends[len(known) :], *again]
    )
    if _merit(limit) >= best - len(model.parameters):
        return limit
    return _found(model, histories, ends[0])


def _limits(model: TimingModel, histories: Histories) -> list[Found]:
    return [_last(limit, histories, limit.starts(histories)) for limit in model.limits]


def _last(model: Timing, histories: Histories, starts: list[list[float]]) -> Found:
    """The maximum from the first start that leads to one, else where the first ended."""
    ends = searches(_of(model, histories), model.parameters, starts)
    return _found(model, histories, ends[-1] if ends[-1].is_converged else ends[0])


def _found(model: Timing, histories: Histories, maximum: Maximum) -> Found:
    total = _total(model, histories, maximum.parameters) if maximum.is_converged else np.nan
    return Found(model, maximum, total)


def _merit(found: Found) -> float:
    """Log-likelihood less the number of parameters (Akaike): a further one must gain more than one."""
    return found.log_likelihood - len(found.model.parameters)


def _of(model: Timing, histories: Histories) -> Likelihood:
    return lambda parameters: model.likelihood(parameters, histories)


def _total(model: Timing, histories: Histories, parameters: Floats) -> float:
    """Minus infinity where a search broke down."""
    total = model.likelihood(parameters, histories)[0] * histories.customers
    return float(total) if np.isfinite(total) else -np.inf
