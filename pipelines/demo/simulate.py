"""Draws that are the same on every machine.

Only `Generator.random` of a PCG64 with a fixed seed, integer sums and the four basic operations are used: no
logarithm, no exponential, whose last digit differs between processors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SIMULATED = "simulated"
"""`source_system` of every row that is made up."""

DAY = 86_400


class Draws:
    """A stream of draws; each topic has its own, so that one never shifts another."""

    def __init__(self, topic: str) -> None:
        self._generator = np.random.Generator(np.random.PCG64([20170101, *topic.encode()]))

    def uniform(self, count: int) -> Floats:
        """`count` draws from [0, 1)."""
        return self._generator.random(count)

    def one(self) -> float:
        """One draw from [0, 1)."""
        return float(self._generator.random())

    def bell(self, count: int) -> Floats:
        """`count` draws around 0.5 with a standard deviation of 0.144: means of four uniform ones."""
        draws = self._generator.random((4, count))
        means: Floats = (draws[0] + draws[1] + draws[2] + draws[3]) / 4
        return means

    def below(self, bound: int, count: int) -> Ints:
        """`count` whole numbers from 0 to bound - 1."""
        return (self.uniform(count) * bound).astype(np.int64)

    def pick(self, shares: Sequence[float], count: int) -> Ints:
        """`count` positions in `shares`, each as often as its share says; shares sum to 1."""
        bounds = np.array([sum(shares[: i + 1]) for i in range(len(shares) - 1)])
        return np.searchsorted(bounds, self.uniform(count), side="right").astype(np.int64)

    def order(self, count: int) -> Ints:
        """The positions 0 to count - 1 in random order."""
        return np.argsort(self.uniform(count), kind="stable").astype(np.int64)


def fetch_columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    """A query's columns as numpy arrays by name."""
    return dict(connection.execute(query).fetchnumpy())
