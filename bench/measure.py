"""Run one part as a process of its own and say what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT_DIR


@dataclass(frozen=True)
class Measured:
    """One run of one part.

    `seconds` is wall-clock from starting Python to its end, imports and closing the database included; `cpu_seconds` is processor
    time over all its threads and processes, which other work on the machine changes less. `peak_mib`
    is the greatest resident memory of the process or of any process that it started and waited for. `items` is
    what the part says about itself.
    """

    part: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    items: dict[str, Any] = field(default_factory=dict)


def environment(home: Path, landing: Path | None, memory_limit: str | None) -> dict[str, str]:
    """A deployment's environment without the caller's own Mainstay settings, so that the defaults are measured."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
    env["MAINSTAY_HOME"] = str(home)
    if landing is not None:
        env["MAINSTAY_LANDING_DIR"] = str(landing)
    if memory_limit is not None:
        env["MAINSTAY_DUCKDB_MEMORY_LIMIT"] = memory_limit
    return env


def run(part: str, module: str, arguments: list[str], env: dict[str, str], work: Path) -> Measured:
    """Run `python -m module arguments` in the project's folder and wait for it.

    Raises:
        SystemExit: the process failed; the text has the end of its output.
    """
    log, result = work / "part.log", work / "part.json"
    result.unlink(missing_ok=True)
    os.sync()  # what the part before left to write is not this part's time
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT_DIR,
            env={**env, "BENCH_RESULT": str(result)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # wait4 gives this child's own figures; getrusage(RUSAGE_CHILDREN) would give the greatest of all so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise SystemExit(f"the part {part!r} failed with exit code {process.returncode}:\n{tail}")
    items = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
    return Measured(part, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, items)
