"""Random histories on both engines: whatever way Spark came to the final files, it has DuckDB's marts of one load of them.

SOAK_SPARK_HISTORIES says how many (100), each of which takes minutes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.soak.purity.histories import History, histories
from tests.soak.purity.ways import World, corrected, from_scratch, mixed

from .sessions import SPARK
from .test_night import marts_differ, one_history

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("session", "with_few_checks")]


def test_corrections_emptied_dates_and_soft_landing_give_the_marts_of_one_load(tmp_path: Path) -> None:
    both = World(tmp_path / "duckdb", one_history()), World(tmp_path / "spark", one_history(), engine=SPARK)
    both[0].go(from_scratch)
    both[1].go(corrected)
    assert marts_differ(*(world.settings.warehouse for world in both)) == [], both[1].done


@settings(
    max_examples=int(os.environ.get("SOAK_SPARK_HISTORIES", "100")),
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(histories(max_rounds=2).filter(lambda history: len(history.final) > 12 and len(history.earlier) > 6))
def test_a_random_way_gives_the_marts_of_one_load(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = World(Path(folder, "duckdb"), history), World(Path(folder, "spark"), history, engine=SPARK)
        both[0].go(from_scratch)
        both[1].go(mixed)
        assert marts_differ(*(world.settings.warehouse for world in both)) == [], both[1].done
