"""`python -m tests.spark.night_alone HOME MASTER`: one history from scratch on Spark, in a process of its own.

It says each step as it begins, so that whoever started it can disturb it there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import steps
from pipelines.settings import PROJECT_DIR

sys.path[:0] = [str(PROJECT_DIR / "tests"), str(PROJECT_DIR / "tests" / "purity")]


def main(home: Path, master: str) -> None:
    """Load, build and fit."""
    from one_history import one_history
    from shortening import leave_out_dbt_tests, leave_out_mart_checks

    from tests.soak.purity.ways import World, from_scratch
    from tests.spark.sessions import SPARK

    with pytest.MonkeyPatch.context() as patch:
        leave_out_dbt_tests(patch)
        leave_out_mart_checks(patch)
        for name in ("load", "build", "fit"):
            patch.setattr(steps, name, _said(name, getattr(steps, name)))
        conf = {**SPARK["spark_conf"], "spark.executor.memory": "512m", "spark.driver.host": "127.0.0.1"}
        world = World(home, one_history(), engine={**SPARK, "spark_master": master, "spark_conf": conf})
        world.go(from_scratch)
    print("done", flush=True)


def _said(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    def told(*arguments: Any, **named: Any) -> Any:
        print(name, flush=True)
        return step(*arguments, **named)

    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
