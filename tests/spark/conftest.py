"""One Spark session for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.settings import Settings

from .sessions import SPARK, why_not


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session that deployments with the settings SPARK use; the tests that need it are skipped where there can be none."""
    if reason := why_not():
        pytest.skip(reason)
    from pipelines.warehouse.spark.session import spark_session

    found = spark_session(Settings(home=tmp_path_factory.mktemp("session"), **SPARK))
    yield found
    found.stop()
