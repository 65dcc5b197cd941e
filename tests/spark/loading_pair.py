"""One landing folder and two warehouses: what DuckDB loads of it, Spark has to load too, and to say the same of it."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loading_world import World

from pipelines.errors import MainstayError
from pipelines.load import load_datasets
from pipelines.settings import Settings
from pipelines.warehouse.connection import connect, fetch_rows
from pipelines.warehouse.spark.spread import SparkSpread
from tests.spark.sessions import SPARK

Outcome = Any
"""What became of each dataset, or the error."""

_NOT_COMPARED = {"loaded_at", "set_aside_at", "seen_at"}
_TABLES = (
    *("raw.transactions", "raw.transactions__contested", "quarantine.transactions"),
    *("duplicates.transactions", "ops.files", "ops.touched", "ops.unvalidated", "ops.drift", "ops.controls"),
)


@dataclass
class Pair:
    """A world with DuckDB's warehouse, and a Spark's beside it."""

    home: Path
    world: World = field(init=False)
    spark: World = field(init=False)

    def __post_init__(self) -> None:
        self._runs = itertools.count()
        self.world, self.spark = World(self.home), World(self.home)
        self.spark.settings = Settings(
            home=self.home,
            timezone="UTC",
            var_dir=self.home / "var of spark",
            landing_dir=self.world.settings.landing,
            **SPARK,
        )

    @property
    def lake(self) -> Path:
        return Path(self.spark.settings.lake)

    def load(self, **how: Any) -> Outcome:
        """Load with both; they have to tell the same, and to hold the same."""
        run = f"run-{next(self._runs)}"
        told = [load(world.settings, run, **how) for world in (self.world, self.spark)]
        assert told[1] == told[0]
        self.require_same()
        return told[0]

    def require_same(self) -> None:
        """Every row of every table that loading writes, however they are ordered."""
        for table in _TABLES:
            one, other = (rows(world.settings, table) for world in (self.world, self.spark))
            assert other == one, table


def load(settings: Settings, run: str, **how: Any) -> Outcome:
    try:
        return [vars(result) for result in load_datasets(settings, run, None, None, **how)]
    except MainstayError as error:
        return type(error), str(error)


def rows(settings: Settings, table: str) -> Counter[str]:
    with closing(connect(settings, settings.warehouse, read_only=True)) as connection:
        found = fetch_rows(connection, f"SELECT * FROM {table}")
    return Counter(repr(sorted((n, v) for n, v in row.items() if n not in _NOT_COMPARED)) for row in found)


def in_process(patch: pytest.MonkeyPatch, times: int = 1) -> None:
    """Let the tasks be done one after the other by the test, packed as they would be: all but Spark itself.

    Args:
        patch: Undoes it.
        times: How often each is done; the last one's result counts.
    """

    def again(packed: Any) -> Any:
        return pickle.loads(pickle.dumps(packed))  # noqa: S301 - the test's own

    def here(self: SparkSpread, work: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        return [[again(again(work)(again(task))) for _ in range(times)][-1] for task in tasks]

    patch.setattr(SparkSpread, "map", here)
