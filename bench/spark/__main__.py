"""`python -m bench.spark`: load and build on a Spark cluster beside DuckDB; writes docs/benchmarks-spark.md.

A standalone master and workers of one core on this machine, which the benchmark starts and ends. Each part is a process of
its own, by turns with each engine, at a small size and at the whole one over the same dates: what the small one takes is
nearly all fixed, and the difference is what a line costs. The marts of both engines are compared row by row.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.deployment import lay_out
from bench.machine import machine
from bench.measure import Measured, environment, run
from bench.spark.report import DUCKDB, PARTS, name_of, write
from bench.spark.watch import Watch
from pipelines.contracts import mart_contracts
from pipelines.settings import PROJECT_DIR, load_settings
from tests.spark.cluster import Cluster
from tests.spark.parity import attached, differences

FIGURES = "results-spark.json"
BYTES_PER_ROW = 420
"""Landing file, a warehouse and a lake, and room to spill."""


@dataclass
class Scale:
    """One run of the benchmark; `runs` has a row for each part of each engine and size."""

    work: Path
    months: int
    memory: str
    worker_memory: str
    driver_memory: str
    is_compared: bool
    runs: list[dict[str, Any]] = field(default_factory=list)
    compared: list[dict[str, Any]] = field(default_factory=list)

    def add_to(self, figures: Path) -> None:
        """Go on from an earlier run; what it has measured is not measured again."""
        if not figures.is_file():
            raise SystemExit(f"there are no figures of an earlier run in {figures}; leave out --add")
        before = json.loads(figures.read_text(encoding="utf-8"))
        own = self.as_dict()
        for name in ("months", "memory", "machine"):
            if before.get(name) != own[name]:
                raise SystemExit(
                    f"the figures in {figures} were measured with {name} {before.get(name)}, this run has {own[name]}; "
                    "they do not stand beside each other: take the same, or another --folder"
                )
        self.runs, self.compared = before["runs"], before["compared"]

    def measure(self, rows: int, engines: list[str]) -> None:
        """Everything at one size."""
        known = {engine for engine in engines if self._is_measured(rows, engine)}
        for engine in sorted(known):
            print(f"{rows:,} lines, {name_of(engine)}: measured before", flush=True)
        engines = [engine for engine in engines if engine not in known]
        if not engines:
            return
        landing = self.work / "landing"
        print(f"generating {rows:,} lines …", flush=True)
        arguments = [str(landing), str(rows), str(self.months), "csv"]
        made = run("generate", "bench.generate", arguments, environment(self.work, landing, None), self.work)
        for engine in engines:
            self._engine(engine, rows, landing, made)
            if not self.is_compared:  # a large size needs the room
                shutil.rmtree(self.work / engine)
        clusters = [engine for engine in engines if engine != DUCKDB]
        if self.is_compared and clusters and DUCKDB in engines:
            self._compare(clusters[0], rows)
        for left in ("landing", *engines):
            if (self.work / left).exists():
                shutil.rmtree(self.work / left)

    def _is_measured(self, rows: int, engine: str) -> bool:
        parts = {run["part"] for run in self.runs if (run["rows"], run["engine"]) == (rows, engine)}
        return parts >= set(PARTS)

    def _engine(self, engine: str, rows: int, landing: Path, made: Measured) -> None:
        home = self.work / engine
        lay_out(home, "csv")
        env = environment(home, landing, None)
        if engine == DUCKDB:
            self._parts(engine, rows, env, made)
            return
        cluster = Cluster(self.work / "cluster", memory=self.worker_memory)
        env |= {
            "MAINSTAY_ENGINE": "spark",
            "MAINSTAY_SPARK_MASTER": cluster.master,
            "MAINSTAY_SPARK_CONF": json.dumps(
                {
                    "spark.executor.memory": self.memory,
                    "spark.driver.memory": self.driver_memory,
                    "spark.driver.host": "127.0.0.1",
                }
            ),
        }
        try:
            cluster.start(workers=int(engine))
            self._parts(engine, rows, env, made)
        finally:
            cluster.end()
            shutil.rmtree(cluster.home)

    def _parts(self, engine: str, rows: int, env: dict[str, str], made: Measured) -> None:
        for part in PARTS:
            print(f"{rows:,} lines, {name_of(engine)}: {part} …", end=" ", flush=True)
            with Watch() as watch:
                arguments = [part, made.items["first"], made.items["last"]]
                measured = run(part, "bench.parts", arguments, env, self.work)
            cpu = sum(watch.cpu.values())
            print(f"{measured.seconds:,.1f} s, processor {cpu:,.1f} s, {dict(watch.peak)}", flush=True)
            self.runs.append(
                {
                    "rows": rows,
                    "engine": engine,
                    **asdict(measured),
                    "cpu": watch.cpu,
                    "peak": dict(watch.peak),
                    "landed": made.items,
                    # Not all of the state: Spark still removes its scratch files while its process ends.
                    "disk": sum(
                        file.stat().st_size
                        for kept in ("warehouse", "lake")
                        for file in (self.work / engine / "var" / kept).rglob("*")
                        if file.is_file()
                    ),
                }
            )  # fmt: skip
            self._keep()

    def _compare(self, engine: str, rows: int) -> None:
        print(f"{rows:,} lines: comparing the marts of both engines …", flush=True)
        files = [self.work / name / "var" / "warehouse" / "mainstay.duckdb" for name in (DUCKDB, engine)]
        connection = attached(files[0], files[1], self.work / "spill")
        marts = mart_contracts()
        found = differences(connection, marts.values())
        counts = {
            name: connection.execute(f'select count(*) from "one marts"."{name}"').fetchone()
            for name in marts
        }
        connection.close()
        if found:
            self.runs = [run for run in self.runs if run["rows"] != rows]
            self._keep()  # or they would be taken for measured before
            text = "\n  ".join(found)
            raise SystemExit(f"the engines give different marts; nothing that was measured counts:\n  {text}")
        self.compared.append(
            {"rows": rows, "marts": len(marts), "mart_rows": sum(c[0] for c in counts.values() if c)}
        )
        self._keep()

    def _keep(self) -> None:
        """What is measured is kept as it comes: a run takes an hour and more."""
        (self.work.parent / FIGURES).write_text(json.dumps(self.as_dict(), indent=1), encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """All raw figures."""
        return {
            "months": self.months,
            "memory": {
                "executor": self.memory,
                "worker": self.worker_memory,
                "task": load_settings().spark_task_memory,
                "driver": self.driver_memory,
            },
            "machine": machine() | {name: version(name) for name in ("pyspark", "dbt-spark")},
            "runs": self.runs,
            "compared": self.compared,
        }


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.spark", description=__doc__)
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=[1_000_000, 20_000_000],
        help="transaction lines; each size is measured",
    )
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[1, 2], help="clusters of so many workers of one core"
    )
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--executor-memory", default="3g", help="heap of an executor")
    parser.add_argument(
        "--worker-memory", default="4g", help="what a worker may give to its executors' heaps"
    )
    parser.add_argument("--driver-memory", default="2g")
    parser.add_argument(
        "--without-comparing", action="store_true", help="leave out the comparison of all marts"
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="to the figures of an earlier run in the same folder, measuring only what it lacks: a large size takes hours",
    )
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench")
    parser.add_argument("--output", type=Path, default=PROJECT_DIR / "docs" / "benchmarks-spark.md")
    args = parser.parse_args()
    folder: Path = (args.folder or load_settings().var / "bench").resolve()
    work = folder / "spark"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    needed, free = max(args.rows) * BYTES_PER_ROW, shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{max(args.rows):,} rows need about {needed / 1e9:.0f} GB in {folder}, {free / 1e9:.0f} GB are free"
        )
    scale = Scale(
        work, args.months, args.executor_memory, args.worker_memory, args.driver_memory, not args.without_comparing
    )  # fmt: skip
    if args.add:
        scale.add_to(folder / FIGURES)
    try:
        for rows in args.rows:
            scale.measure(rows, [DUCKDB, *map(str, args.workers)])
    finally:
        shutil.rmtree(work)
    write(scale.as_dict(), args.output)
    print(f"written: {args.output}\nraw figures: {folder / FIGURES}")


if __name__ == "__main__":
    main()
