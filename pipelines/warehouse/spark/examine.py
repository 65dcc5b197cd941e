"""What `mainstay doctor` looks at where Spark is the engine: first this machine, then Spark itself, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.settings import PROJECT_DIR, secret_settings
from pipelines.showing import cut, visible, without_values
from pipelines.warehouse.spark.machine import look_at_java, look_at_lake, look_at_packages
from pipelines.warehouse.spark.served import nobody_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

    Seen = tuple[str, str, str]

SECONDS = 180.0
"""How long Spark may take to start and to do a small task; a busy cluster takes its time."""


def examine(settings: Settings) -> Iterator[Seen]:
    """Java, Python packages, the lake, Spark and its version, and what its workers have and see."""
    seen: list[Seen] = []
    for look in (look_at_java, look_at_packages, look_at_lake, _look_at_address):
        seen += look(settings)
    yield from seen
    problems = {what for state, what, _ in seen if state == "problem"}
    if not problems:
        yield from _look_at_spark(settings)
    elif "spark" not in problems:
        yield "warning", "spark", f"not looked at, because of {', '.join(sorted(problems))}"


def _look_at_address(settings: Settings) -> Iterator[Seen]:
    """Whether anybody answers there: Spark itself would try for minutes, and say less."""
    if (text := nobody_answers(settings)) is not None:
        yield "problem", "spark", text


def _look_at_spark(settings: Settings) -> list[Seen]:
    """Spark's part, by another process: it can be ended when it takes too long, and no Java is left in this one."""
    told = settings.model_dump(mode="json", exclude_none=True, exclude=set(secret_settings()))
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.warehouse.spark.workers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
    )
    try:
        said, erred = process.communicate(json.dumps(told), timeout=SECONDS)
        return [(state, what, text) for state, what, text in json.loads(said.splitlines()[-1])]
    except subprocess.TimeoutExpired:
        text = (
            f"Spark at {settings.spark_master} did not start and end a small task within {SECONDS:.0f} s; look whether its "
            "workers are up and have cores and memory to spare, or are held by another application"
        )
        return [("problem", "spark", text)]
    except (IndexError, ValueError):
        last = next(
            (line for line in reversed(erred.splitlines()) if line.strip()), f"exit {process.returncode}"
        )
        return [
            ("problem", "spark", f"the look at Spark ended with {visible(cut(without_values(last), 300))}")
        ]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # Java too
        process.wait()
