"""What of a test's cases `make test` takes, and what it leaves to `make soak`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

from pipelines.transform import run as dbt_runs
from tests.few_checks import MART_CHECKS

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


SELECTIONS = dict(dbt_runs.SELECTIONS)
"""What the steps build, with dbt's tests of the data."""


def leave_out_dbt_tests(patch: pytest.MonkeyPatch) -> None:
    """Let builds be without dbt's tests of the data, in `make test`: they are more than half of what a build runs.

    It holds for builds of this process and for those that are forked for it: of `warm_workers`, and of `soak.kills.night`.
    """
    for step, selection in ({} if IS_SOAK else SELECTIONS).items():
        excluded = [] if "--exclude" in selection else ["--exclude"]
        patch.setitem(dbt_runs.SELECTIONS, step, [*selection, *excluded, "resource_type:test"])


def leave_out_mart_checks(patch: pytest.MonkeyPatch) -> None:
    """Let nights check of each mart its columns and their types alone, in `make test`: the rest is a third of a small night.

    Not for a test whose claim is about a wrong mart.
    """
    if not IS_SOAK:
        patch.setitem(MART_CHECKS, "each", 2)
