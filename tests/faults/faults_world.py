"""A shop with one published night, the command line in a process of its own, and disks that fill up."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deployments import Deployment

from pipelines.settings import PROJECT_DIR
from pipelines.warehouse.lock import is_locked

FIRST, SECOND = date(2024, 5, 1), date(2024, 5, 2)
"""The published night's date, and the next one's."""


def sales(day: date, count: int = 12) -> list[dict[str, object]]:
    """A day's lines of some customers."""
    return [
        {
            "transaction_id": f"t{day:%m%d}-{n}",
            "line_number": 1,
            "customer_id": f"c{n % 5}",
            "transaction_at": f"{day} 09:15:00",
            "quantity": 1,
            "net_amount": f"{10.25 * (n % 9 + 1):.2f}",
        }
        for n in range(count)
    ]


def served(deployment: Deployment) -> tuple[Any, ...]:
    """What BI reads: the run and date of the night, and a mart's rows."""
    file = deployment.settings.serving / "marts.duckdb"
    ((run_id, as_of),) = deployment.query("select distinct run_id, as_of_date from _publish", file)
    return run_id, as_of, deployment.query("select * from customer_tiers_monthly order by all", file)


def lose_a_parquet_file(deployment: Deployment) -> None:
    """Take a Parquet file of the served night away: the next `publish` has something to do."""
    next(deployment.settings.serving.glob("parquet/*/*.parquet")).unlink()


def leftovers(deployment: Deployment) -> list[Path]:
    """Temporary files, logs and half nights that a step has left behind."""
    var = deployment.settings.var
    found = [*var.glob("warehouse/*.tmp"), *var.glob("serving/.*"), *var.glob("serving/*.wal*")]
    return [*found, *var.glob("serving/parquet/.*")]


@dataclass
class Said:
    """What a command said and how it ended."""

    exit_code: int
    text: str


def says_one_thing(said: Said, exit_code: int | tuple[int, ...], *words: str) -> None:
    """One clear error, no traceback, and the exit code."""
    text = " ".join(said.text.split())
    expected = (exit_code,) if isinstance(exit_code, int) else exit_code
    assert said.exit_code in expected, f"exit code {said.exit_code}: {said.text}"
    assert "Traceback" not in text, said.text
    for word in words:
        assert word in text, f"{word!r} is not in: {said.text}"


def environment(deployment: Deployment, **more: str) -> dict[str, str]:
    """The environment of a command for the deployment."""
    return os.environ | {
        "MAINSTAY_HOME": str(deployment.settings.home),
        "MAINSTAY_DUCKDB_THREADS": "2",
        "MAINSTAY_LOCK_TIMEOUT_SECONDS": "20",
        "COLUMNS": "200",
        **more,
    }


def begin(
    deployment: Deployment, *arguments: str, driver: str = "", prepare: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """Start the command line in a process; `driver` is Python that runs there first, `prepare` before that."""
    code = f"import sys\n{driver}\nfrom pipelines.cli.app import app\napp()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment(deployment),
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=prepare,
    )


def run(deployment: Deployment, *arguments: str, prepare: Callable[[], None] | None = None) -> Said:
    """Run the command line in a process of its own."""
    process = begin(deployment, *arguments, prepare=prepare)
    text, _ = process.communicate(timeout=300)
    return Said(process.returncode, text)


def obey_modes() -> None:
    """In a child: let the rights of files count, which root passes over otherwise."""
    drop_from_bounding_set = 24
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    """The path with these rights for a while."""
    before = path.stat().st_mode
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)


def mount(*arguments: str) -> bool:
    """Whether mounting was permitted and done."""
    tool = shutil.which("mount")
    return tool is not None and subprocess.run([tool, *arguments], capture_output=True).returncode == 0


@dataclass
class Disk:
    """The disk below `var`: a small file system, or where that may not be mounted a limit to the size of files."""

    deployment: Deployment
    is_mounted: bool
    limit: int | None = field(default=None)

    @property
    def _ballast(self) -> Path:
        return self.deployment.settings.var / "ballast"

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        if self.is_mounted:
            free = shutil.disk_usage(self.deployment.settings.var).free
            self._ballast.write_bytes(bytes(max(0, free - leave)))
        else:
            self.limit = self.deployment.settings.warehouse.stat().st_size + leave

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)
        self.limit = None

    def run(self, *arguments: str) -> Said:
        """Run a command on this disk, in a process of its own."""
        limit = self.limit
        if limit is None:
            return run(self.deployment, *arguments)

        def prepare() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return run(self.deployment, *arguments, prepare=prepare)


def is_free(deployment: Deployment) -> bool:
    """Whether nobody holds the warehouse."""
    return not is_locked(deployment.settings)


def processes_of(deployment: Deployment) -> list[str]:
    """Command lines of living processes that work for the deployment; those that the tests' process started apart."""
    mark = f"MAINSTAY_HOME={deployment.settings.home}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent != os.getpid() and mark in (folder / "environ").read_bytes() + b"\0":
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended while we looked
            continue
    return found


def days_after(day: date, count: int) -> date:
    """The date so many days on."""
    return day + timedelta(days=count)
