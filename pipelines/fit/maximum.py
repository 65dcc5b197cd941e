"""Maximum likelihood of positive parameters, found the same from whatever start.

A night starts from the last night's parameters, a rebuild from none, and both must publish the same figures. So the
maximum is polished by Newton's method until the next step is far below what is kept: six significant digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from pipelines.fit.histories import Floats

Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Parameters to the mean log-likelihood of a subject and its gradient by the parameters."""

DIGITS = 6
FARTHEST = 1e6
"""Parameters are weeks, purchases, shape parameters: beyond a million (or a millionth) one has run away."""
_FARTHEST = np.log(FARTHEST)
_LAST_STEP = 1e-8
_MOST_ITERATIONS = 60
"""A search that finds its maximum takes ten; one that runs away is not worth more."""
_NEAR = 0.05
"""A Newton step of less than five percent of each parameter is as good as a search."""
_LEAST_CURVATURE = 1e-7
"""Of the mean log-likelihood by the parameters' logarithms; below it the data cannot tell the parameters apart."""


@dataclass(frozen=True)
class Maximum:
    """Where the search ended; `reason` says why it is no maximum, and is None where it is one."""

    parameters: Floats
    iterations: int
    reason: str | None

    @property
    def is_converged(self) -> bool:
        """Whether this is a maximum within the allowed range."""
        return self.reason is None


def maximise(likelihood: Likelihood, names: Sequence[str], starts: Sequence[Sequence[float]]) -> Maximum:
    """Find the maximum of a mean log-likelihood; the first start that leads to one decides, else the first one's reason."""
    ends = searches(likelihood, names, starts)
    return ends[-1] if ends[-1].is_converged else ends[0]


def searches(
    likelihood: Likelihood, names: Sequence[str], starts: Sequence[Sequence[float]]
) -> list[Maximum]:
    """Where the search ends from each start, up to the first that leads to a maximum of the mean log-likelihood.

    Args:
        likelihood: The function and its gradient.
        names: The parameters' names, for the reason.
        starts: Where to begin, best guess first; all above zero.
    """
    if not starts:
        raise ValueError("a search needs a start")
    ends: list[Maximum] = []
    for start in starts:
        ends.append(_from(likelihood, names, np.log(np.asarray(start, dtype=float))))
        if ends[-1].is_converged:
            break
    return ends


def _from(likelihood: Likelihood, names: Sequence[str], start: Floats) -> Maximum:
    def value(theta: Floats) -> tuple[float, Floats]:
        # Bounded, so that a wild trial step does not overflow; the bound is judged below.
        parameters = np.exp(np.clip(theta, -2 * _FARTHEST, 2 * _FARTHEST))
        mean, gradient = likelihood(parameters)
        return -mean, -gradient * parameters

    def curvature(theta: Floats) -> Floats:
        return _curvature(lambda t: value(t)[1], theta)

    try:
        theta, iterations = _searched(value, curvature, start)
    except ValueError as error:  # numpy's LinAlgError is one; the next start may do better
        return Maximum(np.full(len(names), np.nan), 0, f"the search broke down ({error})")

    def ended(reason: str | None) -> Maximum:
        parameters = np.exp(np.clip(theta, -2 * _FARTHEST, 2 * _FARTHEST))
        return Maximum(np.array([_rounded(p) for p in parameters]), iterations, reason)

    if (far := _ran_away(theta, names)) is not None:
        return ended(far)
    hessian, step = curvature(theta), np.inf
    if not np.all(np.isfinite(hessian)) or np.linalg.eigvalsh(hessian)[0] < _LEAST_CURVATURE:
        return ended("the data do not tell the parameters apart (the likelihood is flat at its end)")
    for _ in range(20):
        # So near to the maximum one Hessian serves all steps: each takes off some digits more.
        move = np.linalg.solve(hessian, value(theta)[1])
        if not np.max(np.abs(move)) < step:
            break  # down to the noise of the arithmetic
        step = float(np.max(np.abs(move)))
        theta, iterations = theta - np.clip(move, -1, 1), iterations + 1
        if step < 1e-12:
            break
    if (far := _ran_away(theta, names)) is not None:
        return ended(far)
    if step > _LAST_STEP:
        return ended(f"the search did not settle (last step {step:.1g})")
    return ended(None)


def _searched(
    value: Callable[[Floats], tuple[float, Floats]], curvature: Callable[[Floats], Floats], start: Floats
) -> tuple[Floats, int]:
    """Near to the maximum, and the iterations it took; none where the start is near already, as it is most nights."""
    hessian = curvature(start)
    if np.all(np.isfinite(hessian)) and np.linalg.eigvalsh(hessian)[0] > _LEAST_CURVATURE:
        move = np.linalg.solve(hessian, value(start)[1])
        if np.max(np.abs(move)) < _NEAR:
            return start - move, 1
    result = minimize(
        value,
        start,
        jac=True,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-6, "maxiter": _MOST_ITERATIONS},
    )
    theta = np.asarray(result.x, dtype=float)
    if not np.all(np.isfinite(theta)):
        raise ValueError("the likelihood is not finite")
    return theta, int(result.nit)


def _ran_away(theta: Floats, names: Sequence[str]) -> str | None:
    worst = int(np.argmax(np.abs(theta)))
    if abs(theta[worst]) <= _FARTHEST:
        return None
    where = "without end" if theta[worst] > 0 else "towards zero"
    return f"the likelihood has no maximum: {names[worst]} runs {where}"


def _curvature(gradient: Callable[[Floats], Floats], theta: Floats, width: float = 1e-4) -> Floats:
    """Hessian by central differences of the gradient."""
    columns = []
    for i in range(len(theta)):
        aside = np.zeros_like(theta)
        aside[i] = width
        columns.append((gradient(theta + aside) - gradient(theta - aside)) / (2 * width))
    hessian = np.array(columns)
    return (hessian + hessian.T) / 2


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS - 1}e}")
