"""A night in a process of its own, and the hand that kills it.

Processes are forked from a server that has imported dbt, DuckDB and Great Expectations and holds no connection
and no thread of its own: a night then costs its work alone, and each is as fresh as a new process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.transform.run import SELECTIONS
from tests.few_checks import MART_CHECKS
from tests.soak.kills.moments import listen, models_of
from tests.soak.kills.world import settings_of

PRELOADED = (
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "great_expectations",
    "pipelines.cli",
    "pipelines.load",
    "pipelines.publish",
    "pipelines.steps",
    "pipelines.report.page",
    "pipelines.transform",
    "pipelines.validate.dialect",
    "pipelines.validate.expectations",
    "tests.soak.kills.night",
)

_SLOWEST_NIGHT_SECONDS = 1200


@dataclass(frozen=True)
class Kill:
    """SIGKILL either at the `occurrence`-th time that a moment comes, or `seconds` after the process began."""

    moment: str | None = None
    occurrence: int = 1
    seconds: float | None = None

    def __str__(self) -> str:
        """For reports: `load: statement (14th time)` or `after 2.31 s`."""
        if self.moment is None:
            return f"after {self.seconds:.3f} s"
        return f"{self.moment} (time {self.occurrence})"


@dataclass(frozen=True)
class Ended:
    """How a night's process ended; `moments` are those it came past, the last one first to look at."""

    killed: bool
    seconds: float
    moments: tuple[str, ...]
    output: str

    @property
    def step(self) -> str:
        """The step that the process was in, or had just left, when it ended."""
        return self.moments[-1].partition(":")[0] if self.moments else "outside"


class NightServer:
    """Forks nights. One is enough for a whole run of trials; it ends with the process that made it."""

    def __init__(self) -> None:
        """Start nothing yet: the server begins with its first night."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))

    def night(self, home: Path, day: date, kill: Kill | None = None) -> Ended:
        """Run the night of `day` in the deployment at `home`, and kill it as `kill` says.

        Raises:
            AssertionError: the night failed, or hangs; the text has what it said.
        """
        trace, output = home.parent / "moments.txt", home.parent / "night.log"
        for path in (trace, output):
            path.write_text("", encoding="utf-8")
        process = self._context.Process(
            target=_run, args=(home, day, trace, output, kill, SELECTIONS, MART_CHECKS)
        )
        began = time.monotonic()
        process.start()
        process.join(kill.seconds if kill and kill.seconds is not None else _SLOWEST_NIGHT_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        seconds, code = time.monotonic() - began, process.exitcode
        process.close()
        said = output.read_text(encoding="utf-8", errors="replace")
        assert code in (0, -signal.SIGKILL), f"the night ended with exit code {code}:\n{said[-4000:]}"
        assert code == 0 or kill is not None, f"the night did not end in {seconds:.0f} s:\n{said[-4000:]}"
        moments = tuple(trace.read_text(encoding="utf-8").splitlines())
        return Ended(code != 0, seconds, moments, said)


def _run(
    home: Path,
    day: date,
    trace: Path,
    output: Path,
    kill: Kill | None,
    selections: dict[str, list[str]],
    mart_checks: dict[str, int],
) -> None:
    """In the child: everything it says goes to a file, every moment to another, before it may die of it."""
    said = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    for name in [name for name in os.environ if name.startswith("MAINSTAY_")]:
        del os.environ[name]
    scratch = home / "tmp"
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)
    SELECTIONS.update(selections)
    MART_CHECKS.update(mart_checks)
    written = os.open(trace, os.O_WRONLY | os.O_APPEND)
    seen: Counter[str] = Counter()

    def heard(moment: str) -> None:
        moment = " ".join(moment.split())
        os.write(written, f"{moment}\n".encode())
        seen[moment] += 1
        if kill and moment == kill.moment and seen[moment] == kill.occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    from pipelines.validate.gx import great_expectations

    great_expectations()
    listen(heard)
    _night(home, day, heard)


def _night(home: Path, day: date, heard: object) -> None:
    """What `mainstay nightly` does: landed history first, then the DAG's tasks in their order."""
    from pipelines import steps
    from pipelines.cli.nightly import load_history
    from pipelines.publish import as_of_for
    from pipelines.warehouse import ledger

    settings = settings_of(home)
    load_history(settings, day, quiet=True)
    run_id = ledger.new_run_id("nightly", day)
    steps.start(settings, run_id, "nightly", day)
    steps.land(settings, run_id, day, day)
    steps.validate(settings, run_id, "land", day, day)
    steps.load(settings, run_id, day, day)
    steps.validate(settings, run_id, "raw", day, day)
    as_of = as_of_for(settings, day)
    steps.stage(settings, run_id, as_of, models_of("stage", heard))
    steps.validate(settings, run_id, "staging", day, day)
    steps.build(settings, run_id, as_of, models_of("build", heard))
    steps.fit(settings, run_id, as_of, models_of("fit", heard))
    steps.validate(settings, run_id, "marts", day, day)
    steps.publish(settings, run_id, as_of)
    steps.finish(settings, run_id, as_of, "success")
