"""Fixtures of the dbt tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dbt_warehouse import Warehouse, make


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty warehouse of the test's own, with the shipped policies."""
    return make(tmp_path)


@pytest.fixture(scope="module")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Warehouse]:
    """Makes empty warehouses that live as long as the module, for tests that share one build."""
    return lambda name: make(tmp_path_factory.mktemp(name))
