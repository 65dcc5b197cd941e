"""Memory that runs out, and compiled modules that a full disk has cut off: one sentence and the documented code."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deployments import create, mainstay, says_one_thing

from pipelines.errors import (
    BuildError,
    LoadError,
    MainstayError,
    OutOfMemoryError,
    ProcessKilledError,
    StorageError,
)
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.showing import without_values
from pipelines.warehouse.faults import explained

LOST = (
    "An error occurred while calling o397.collectToPython.\n: org.apache.spark.SparkException: Job aborted due to stage "
    "failure: Task 0 in stage 6.0 failed 4 times, most recent failure: Lost task 0.3 in stage 6.0 (TID 11) (w1 executor 1): "
)
SIGNS = {
    "memory": OutOfMemoryError,
    "disk": StorageError,
    "killed": ProcessKilledError,
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
        # As Spark says it, and what is left of that in the message of a dbt node.
        (RuntimeError(LOST + "java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf"), "memory"),
        (BuildError("build: 1 of 3 failed: " + without_values(LOST + "java.lang.OutOfMemoryError: Metaspace")), "memory"),
        (RuntimeError("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes of memory, got 0. SQLSTATE: 53200"), "memory"),
        (RuntimeError(LOST + "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: x"), "killed"),
        (RuntimeError(LOST + "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)."), "killed"),
        (RuntimeError("Answer from Java side is empty"), "killed"),
        (RuntimeError(LOST + "java.io.IOException: No space left on device\n\tat java.base/java.io.FileOutputStream"), "disk"),
        (BuildError("build: " + without_values(LOST + "java.nio.file.FileSystemException: /a: No space left on device")), "disk"),
        (RuntimeError(LOST + "java.io.FileNotFoundException: /scratch/x (Permission denied)"), "disk"),
        (RuntimeError("[CAST_INVALID_INPUT] The value 'No space left on device, MemoryError: x' of the type"), "none"),
    ],
)  # fmt: skip
def test_what_a_failure_below_means(error: Exception, sign: str) -> None:
    known = explained(Settings(), error)
    assert type(known) is SIGNS[sign]
    if known is not None:
        assert known.exit_code == {"memory": 11, "disk": 10, "killed": 11}[sign]


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
