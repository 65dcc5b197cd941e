"""On a standalone cluster, a machine of which is lost in the middle of a load and another in the middle of a build."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.settings import PROJECT_DIR
from tests.soak.purity.ways import World, from_scratch

from .cluster import Cluster
from .sessions import needs_spark
from .test_night import marts_differ, one_history

pytestmark = [needs_spark, pytest.mark.soak, pytest.mark.usefixtures("with_few_checks")]

PATIENCE_SECONDS = 1800


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "cluster")
    try:
        found.start(workers=2)
        yield found
    finally:
        found.end()


@pytest.fixture(scope="module")
def duckdbs(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("duckdb"), one_history())
    world.go(from_scratch)
    return world


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, "the night ended before it could be disturbed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def folders(lake: Path, pattern: str) -> int:
    return sum(1 for _ in lake.glob(pattern))


def test_a_night_ends_right_though_a_worker_dies_in_its_load_and_one_in_its_build(
    cluster: Cluster, duckdbs: World, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    lake = home / "var" / "lake"
    with (tmp_path / "night.log").open("w") as log:
        night = subprocess.Popen(
            [sys.executable, "-m", "tests.spark.night_alone", str(home), cluster.master],
            cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            until(lambda: folders(lake, "raw/*/partition_date=*/*") >= 2, night)
            cluster.kill("worker 0")
            loaded = folders(lake, "raw/*/partition_date=*/*")
            until(lambda: folders(lake, "intermediate/*") >= 1, night)
            cluster.add_worker("worker 2")
            cluster.wait_for(2)
            until(lambda: folders(lake, "intermediate/*/*") >= 10, night)
            cluster.kill("worker 1")
            built = folders(lake, "marts/*/*")
            said, _ = night.communicate(timeout=PATIENCE_SECONDS)
        finally:
            night.kill()
            night.wait()
    assert night.returncode == 0, (tmp_path / "night.log").read_text()[-3000:]
    assert said.split() == ["load", "build", "fit", "done"]
    assert loaded < folders(lake, "raw/*/partition_date=*/*"), "the load was over when the worker died"
    assert built < folders(lake, "marts/*/*"), "the build was over when the worker died"
    warehouse = home / "var" / "warehouse" / "mainstay.duckdb"
    assert marts_differ(duckdbs.settings.warehouse, warehouse) == []
