"""Memory that runs out, and compiled modules that a full disk has cut off: one sentence and the documented code."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deployments import create, mainstay, says_one_thing

from pipelines.errors import BuildError, LoadError, MainstayError, OutOfMemoryError, StorageError
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse.faults import explained

SIGNS = {
    "memory": OutOfMemoryError,
    "disk": StorageError,
    "none": type(None),
}


@pytest.mark.parametrize(
    ("error", "sign"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 16.0 MiB"), "memory"),
        (duckdb.OutOfMemoryException("Out of Memory Error: … max_temp_directory_size …"), "disk"),
        (BuildError("build: 1 of 3 dbt nodes failed: model x: Runtime Error Out of Memory Error: …"), "memory"),
        (MainstayError("fit failed with MemoryError: Unable to allocate 8 GiB (whole log: x)"), "memory"),
        (
            MainstayError("Airflow ended …: OperationalError: (sqlite3.OperationalError) database or disk is full"),
            "disk",
        ),
        (MainstayError("Airflow ended …: OperationalError: (sqlite3.OperationalError) disk I/O error"), "disk"),
        (EOFError("marshal data too short"), "disk"),
        (MainstayError("Airflow ended …: EOFError: marshal data too short"), "disk"),
        (LoadError("transactions: note: 'Cannot allocate memory' is no DECIMAL"), "none"),
        (EOFError("Compressed file ended"), "none"),
    ],
)  # fmt: skip
def test_what_a_failure_below_means(error: Exception, sign: str) -> None:
    known = explained(Settings(), error)
    assert type(known) is SIGNS[sign]
    if known is not None:
        assert known.exit_code == {"memory": 11, "disk": 10}[sign]


def test_a_command_whose_memory_does_not_suffice_says_so(tmp_path: Path) -> None:
    shop = create(tmp_path / "shop")
    shop.path("transactions", "2024-05-01").parent.mkdir(parents=True)
    shop.land("transactions", "2024-05-01", [{"transaction_id": "t"}])
    result = mainstay(tmp_path / "shop", "load", MAINSTAY_DUCKDB_MEMORY_LIMIT="1KB")
    says_one_thing(result, 11, "memory ran out", "duckdb_memory_limit (1KB)", "run the same command again")


def test_mainstay_writes_no_compiled_modules() -> None:
    """A disk that fills up would cut one off; see `pipelines/__init__.py`."""
    code = "import pipelines.cli, sys; print(sys.dont_write_bytecode)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout == "True\n"
