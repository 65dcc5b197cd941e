"""What the three models of purchase timing, and their limits, have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numpy.typing import ArrayLike

from pipelines.fit.beta_geometric import BG_NBD, MBG_NBD
from pipelines.fit.histories import Floats, Histories
from pipelines.fit.pareto_nbd import PARETO_NBD


class Timing(Protocol):
    """When customers buy and when they leave; parameters are given to each function, in the order of their names."""

    @property
    def name(self) -> str:
        """As in `model_fits`; a limit has that of its model."""

    @property
    def limit(self) -> str | None:
        """The limit's own name; None for a model itself."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters' names."""

    def starts(self, histories: Histories) -> list[list[float]]:
        """Where to begin a search."""

    def likelihood(self, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Mean log-likelihood of a customer and its gradient."""

    def p_alive(self, parameters: Floats, histories: Histories) -> Floats:
        """Probability that a customer of each history has not left."""

    def expected(self, parameters: Floats, histories: Histories, weeks: float) -> Floats:
        """Expected purchase days in the weeks after the end of observation."""

    def expected_from_start(self, parameters: Floats, weeks: ArrayLike) -> Floats:
        """Expected repeat purchase days of a new customer."""


class TimingModel(Timing, Protocol):
    """One of the models, of four parameters: two of the pace, two of leaving."""

    @property
    def limits(self) -> Sequence[Timing]:
        """What it becomes where its maximum lies at the border of leaving."""

    def near(self, pace: Sequence[float], histories: Histories) -> list[list[float]]:
        """Where to begin near to the border, given r and alpha of a limit."""


TIMING_MODELS: tuple[TimingModel, ...] = (BG_NBD, MBG_NBD, PARETO_NBD)
