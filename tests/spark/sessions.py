"""The Spark of the tests: on this machine, in the test's process, and set for tables of a few rows."""

from __future__ import annotations

import importlib.util
import shutil
from typing import Any

import pytest

SPARK: dict[str, Any] = {
    "engine": "spark",
    "spark_master": "local[2]",
    "spark_conf": {
        # Of a few rows the plan is dearer than the work: no compiled stages, no shuffling apart, no jobs to list folders.
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
    },
}
"""Settings of a deployment whose engine is that Spark."""


def why_not() -> str | None:
    """Why no Spark can be started here; None where one can."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: `make .venv/spark`"
    return None if shutil.which("java") else "there is no Java"


needs_spark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
