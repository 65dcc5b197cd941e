"""Fixtures that several test folders share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from warm_workers import warm_workers

# dbt and Great Expectations make objects by the hundred thousand that live as long as their run: looking through them for
# garbage at the usual pace is a twentieth of the tests' time.
gc.set_threshold(100_000, 50, 100)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the tests' own."""
    parser.addoption(
        "--changed",
        action="store_true",
        help="Of dbt's unit tests only those of models changed since the last commit.",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin first, so that no process is left alone with one of them at the end."""
    long = ("tests/readers/", "tests/purity/", "tests/dags/test_scheduled_run.py", "tests/end_to_end/")
    items.sort(
        key=lambda item: next((n for n, start in enumerate(long) if item.nodeid.startswith(start)), len(long))
    )


@pytest.fixture(scope="session", autouse=True)
def what_dbt_parsed_is_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Between all deployments of all workers, as `deployments` links them to it; the key says what was parsed."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "parsed"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TESTS_PARSED", str(folder))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_surroundings() -> Iterator[None]:
    """Tests say what they set: a MAINSTAY_… variable of the shell that started them must not leak in."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MAINSTAY_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def runs_are_forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In-process DAG runs start warm, see `warm_workers`."""
    with warm_workers(tmp_path_factory.mktemp("warm")):
        yield
