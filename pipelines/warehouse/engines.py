"""The deployment's engine: the one place that knows there are two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.warehouse.in_process import DuckDBEngine

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Engine


def engine_of(settings: Settings) -> Engine:
    """The engine that the deployment has chosen."""
    if settings.engine == "spark":
        from pipelines.warehouse.spark.engine import SparkEngine

        return SparkEngine()
    return DuckDBEngine()
