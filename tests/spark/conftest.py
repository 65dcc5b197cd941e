"""One Spark session for all tests of a process, and an object store for those of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

from . import stand_in
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


@pytest.fixture(scope="module")
def s3() -> Iterator[stand_in.Store]:
    """An object store; the tests that need it are skipped where there can be none."""
    if reason := stand_in.why_not():
        pytest.skip(reason)
    with stand_in.standing() as found:
        yield found


@pytest.fixture
def in_store(s3: stand_in.Store, tmp_path: Path) -> Settings:
    """A deployment whose lake lies there."""
    return Settings(home=tmp_path, engine="spark", lake_dir=f"s3://{stand_in.BUCKET}/{tmp_path.name}")


@pytest.fixture
def stored(in_store: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to its warehouse."""
    with closing(connect(in_store)) as opened:
        opened.execute(ledger.DDL)
        yield opened
