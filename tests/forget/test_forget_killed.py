"""The process that erases a person is killed with SIGKILL, wherever it is then; nothing of the person is left in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shortening import examples

from pipelines.settings import PROJECT_DIR, Settings
from tests.deployments import Deployment, mainstay
from tests.forget.forgetting_world import ANNA, BEN, MARKERS, landed, unaccounted
from tests.scanning import scan

ERASING_SECONDS = 3.0
"""About what it takes from the tombstone to the end; it is longer on a busy machine, and one that has ended is no harm."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    world = landed(tmp_path_factory.mktemp("killed") / "home")
    world.load()
    return world


def killed(settings: Settings, chance: random.Random) -> float:
    """Start an erasure, and kill it some time after it has set its tombstone; says how long after."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli.app import app; app()", "forget", ANNA, "--yes"],
        env=os.environ | {"MAINSTAY_HOME": str(settings.home), "MAINSTAY_DUCKDB_THREADS": "2"},
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    while not settings.forget_key.exists():
        assert process.poll() is None, f"ended before it began: {process.communicate()[0]!r}"
        time.sleep(0.005)
    seconds = chance.uniform(0, ERASING_SECONDS)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return seconds


@pytest.mark.search
def test_an_erasure_that_is_killed_at_any_moment_is_finished_by_the_next(
    before: Deployment, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for trial in range(examples(1, 20)):
        world = Deployment(before.settings.model_copy(update={"home": tmp_path / str(trial)}))
        shutil.copytree(before.settings.home, world.settings.home, symlinks=True)
        where = f"killed {killed(world.settings, chance):.3f} s after the tombstone was set"
        result = mainstay(world.settings.home, "forget", "--resume")
        assert result.exit_code == 0, f"{where}: {result.output}"
        found = scan(
            world.settings.var,
            [marker.lower() for marker in MARKERS],
            without=[world.settings.var / "dbt" / "parsed"],
        ).found
        assert found == [], where
        assert world.query("select distinct state from ops.tombstones") == [("done",)], where
        assert unaccounted(world) == [], where
        assert world.query(f"select count(*) > 0 from raw.transactions where customer_id = '{BEN}'") == [
            (True,)
        ]
        shutil.rmtree(world.settings.home)
