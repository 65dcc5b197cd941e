"""Nights on Spark killed with SIGKILL, one after another: BI has a whole night each time, and the next run converges.

The harness is that of tests/crashes; its kills fall where this engine has other places to be killed at.
"""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.warehouse.connection import connect
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.lake import Lake
from tests.soak.kills import world
from tests.soak.kills.night import Kill
from tests.soak.kills.trials import Trials, copy

from .sessions import SPARK, needs_spark

pytestmark = [needs_spark, pytest.mark.soak, pytest.mark.usefixtures("with_few_checks")]


def test_one_killed_night_after_another_and_then_one_in_peace(tmp_path: Path) -> None:
    trials = Trials(tmp_path / "kills", engine=SPARK)
    trials.prepare()
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    models = [m for m in trials.undisturbed.moments if m.startswith("build: dbt: ")]
    kills = [
        ("load", Kill("load: parts read")),
        ("load", Kill("load: keys compared")),
        ("load", Kill("load: taken over")),
        ("build", Kill(chance.choice(models[: len(models) // 2]))),
        ("build", Kill(chance.choice(models))),
        ("publish", Kill("publish: swapped")),
        ("", Kill(seconds=chance.uniform(0, trials.undisturbed.seconds))),
    ]
    copy(trials.home, trials.work / "in_peace")
    trials.restore()
    fell = []
    for _, kill in kills:
        print(kill)
        fell.append(trials.kill(kill))
    assert [f.step for f in fell[:-1]] == [step for step, _ in kills[:-1]]
    assert [f.night for f in fell] == ["old"] * 5 + ["new"] * 2
    trials.recover(len(kills))
    require_nothing_left(trials.home)


def require_nothing_left(home: Path) -> None:
    """No folder of the lake that the manifest does not name."""
    settings = world.settings_of(home)
    lake = Lake.of(settings)
    with closing(connect(settings, read_only=True)) as connection:
        named = {entry.path for entry in manifest.entries(connection)}
    there = {str(path.parent.relative_to(lake.root)) for path in Path(lake.root).rglob("*.parquet")}
    assert there <= named
