"""Processor time and memory of processes by the part that they play, looked at from outside every two seconds."""

from __future__ import annotations

import threading
from collections import defaultdict

import psutil

SECONDS = 2.0
PARTS = ("driver", "driver's JVM", "executor", "master and workers")
"""What a process plays; an executor's are its JVM and the Python processes that work for it."""


class Watch:
    """Looks at what descends from this process until it is told to stop.

    Processor time is what each process was last seen with, so that what one did after that is left out. Memory is
    the share that is a process's own (PSS), so that pages which several have count once.
    """

    def __init__(self, every: float = SECONDS) -> None:
        self._every = every
        self._seconds: dict[tuple[int, float], float] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._plays: dict[tuple[int, float], str] = {}
        self.peak: dict[str, float] = defaultdict(float)
        """Greatest memory by part, in MiB; of executors the greatest that one has had."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._look(is_first=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def cpu(self) -> dict[str, float]:
        """Processor seconds by part since the watch began."""
        found: dict[str, float] = defaultdict(float)
        for process, seconds in self._seconds.items():
            found[self._plays[process]] += seconds - self._before.get(process, 0.0)
        return dict(found)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._look(is_first=False)

    def _look(self, *, is_first: bool) -> None:
        memory: dict[tuple[str, int], float] = defaultdict(float)
        for process in psutil.Process().children():
            self._take(process, None, memory, is_first=is_first)
        for (part, _), used in memory.items():
            self.peak[part] = max(self.peak[part], used)

    def _take(
        self,
        process: psutil.Process,
        above: tuple[str, int] | None,
        memory: dict[tuple[str, int], float],
        *,
        is_first: bool,
    ) -> None:
        """A process and what it has started: an executor's children are its own, all else is what its command says."""
        try:
            times, command = process.cpu_times(), " ".join(process.cmdline())
            share = process.memory_full_info().pss / 2**20
            children = process.children()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return
        plays = above if above and above[0] == "executor" else (_part(command), process.pid)
        key = (process.pid, process.create_time())
        self._seconds[key] = times.user + times.system
        self._plays.setdefault(key, plays[0])
        if is_first:
            self._before[key] = self._seconds[key]
        memory[plays if plays[0] == "executor" else (plays[0], 0)] += share
        for child in children:
            self._take(child, plays, memory, is_first=is_first)


def _part(command: str) -> str:
    if "CoarseGrainedExecutorBackend" in command:
        return "executor"
    if "org.apache.spark.deploy.SparkSubmit" in command or "pyspark-shell" in command:
        return "driver's JVM"
    return "master and workers" if "org.apache.spark.deploy." in command else "driver"
