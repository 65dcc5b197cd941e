"""Fixtures that several test folders share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shortening import SELECTIONS, leave_out_dbt_tests, leave_out_mart_checks
from warm_workers import warm_workers
from xdist.scheduler import LoadFileScheduling

from pipelines.transform import run as dbt_runs

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


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """The files of a process together, and those of a folder that share a session's fixture."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in SHARING if file.startswith(folder)), file)


SHARING = ("tests/faults/", "tests/export/", "tests/spark/")
"""Folders whose files share a published night, a server, or a Spark session."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """In place of `--dist loadfile`'s."""
    return _Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin first, so that no process is left alone with one of them at the end."""
    long = (
        "tests/spark/",
        "tests/faults/",
        "tests/readers/",
        "tests/purity/",
        "tests/dags/test_scheduled_run.py",
        "tests/end_to_end/",
    )
    items.sort(
        key=lambda item: next((n for n, start in enumerate(long) if item.nodeid.startswith(start)), len(long))
    )


def _of_all_processes(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder that all processes of one run of the tests share."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def what_dbt_parsed_is_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Between all deployments of all workers, as `deployments` links them to it; the key says what was parsed."""
    folder = _of_all_processes(tmp_path_factory, "parsed")
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
    with warm_workers(_of_all_processes(tmp_path_factory, "warm")):
        yield


@pytest.fixture(scope="module")
def without_dbt_tests() -> Iterator[None]:
    """Builds and nights leave out dbt's tests of the data, where no claim rests on them; in `make soak` they run them."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_dbt_tests(patch)
        yield


@pytest.fixture(scope="module")
def with_few_checks(without_dbt_tests: None) -> Iterator[None]:
    """The same, and of the marts' expectations the first two alone: where no mart is wrong on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_mart_checks(patch)
        yield


@pytest.fixture
def with_dbt_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test whose claim rests on them, in a file that leaves them out."""
    for step, selection in SELECTIONS.items():
        monkeypatch.setitem(dbt_runs.SELECTIONS, step, selection)
