"""One published night per worker, given to each test anew."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import Deployment, mainstay, started
from faults_world import FIRST, Disk, mount, sales
from shortening import leave_out_dbt_tests, leave_out_mart_checks


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    """A deployment with a published night, and a copy of its `var` as it was then."""
    folder = tmp_path_factory.mktemp("faults")
    deployment = started(folder / "shop", duckdb_threads=2, lock_timeout_seconds=20)
    deployment.land("transactions", FIRST, sales(FIRST))
    home = deployment.settings.home
    with pytest.MonkeyPatch.context() as patch:  # as `_builds_alone`, which is of a module
        leave_out_dbt_tests(patch)
        leave_out_mart_checks(patch)
        for command in (["load"], ["build"], ["publish"]):
            result = mainstay(home, *command)
            assert result.exit_code == 0, result.output
    shutil.copytree(deployment.settings.var, folder / "var", symlinks=True)
    return deployment, folder / "var"


@pytest.fixture(scope="module", autouse=True)
def _builds_alone(with_few_checks: None) -> None:
    """What is broken here is no data."""


@pytest.fixture
def shop(night: tuple[Deployment, Path]) -> Deployment:
    """The deployment as it was after its night."""
    deployment, kept = night
    shutil.rmtree(deployment.settings.var, ignore_errors=True)
    shutil.copytree(kept, deployment.settings.var, symlinks=True)
    return deployment


@pytest.fixture(params=["small file system"])
def disk(request: pytest.FixtureRequest, shop: Deployment, night: tuple[Deployment, Path]) -> Iterator[Disk]:
    """The shop on a disk that can be filled."""
    var = shop.settings.var
    if request.param != "small file system" or not mount("-t", "tmpfs", "-o", "size=128m", "tmpfs", str(var)):
        yield Disk(shop, is_mounted=False)
        return
    try:
        shutil.copytree(night[1], var, symlinks=True, dirs_exist_ok=True)
        yield Disk(shop, is_mounted=True)
    finally:
        # Lazily, as dbt keeps its log open in this process.
        subprocess.run(["umount", "--lazy", str(var)], check=True)
