"""What of a test's cases `make test` takes, and what it leaves to `make soak`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

IS_SOAK = bool(os.environ.get("SOAK_SEARCH"))
"""Whether `make soak` runs the tests: those that search try all their cases then."""


def soak(*values: Any, id: str | None = None) -> Any:
    """A case for `make soak` alone."""
    return pytest.param(*values, marks=pytest.mark.soak, id=id)


def only(values: Iterable[Any], *kept: Any) -> list[Any]:
    """All the cases, of which `make test` takes the kept ones; a tuple is a case of several arguments."""
    values = list(values)
    assert {*kept} <= {*values}, "a case that is kept is none"
    return [v if v in kept else soak(*v) if isinstance(v, tuple) else soak(v) for v in values]


def examples(few: int, many: int) -> int:
    """How many examples to try: few in `make test`, many in `make soak`."""
    return many if IS_SOAK else few
