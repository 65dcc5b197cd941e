"""`python -m bench --rows N`: measure Mainstay against the bare script and write docs/benchmarks.md.

Bare script and Mainstay take turns, each part in a fresh process on fresh files. The landing files are made up
by `pipelines.demo.scale`. What is measured and why stands in the document that this writes.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.compare import differences
from bench.deployment import lay_out, policies
from bench.machine import machine
from bench.measure import Measured, environment, run
from bench.report import write
from pipelines.settings import PROJECT_DIR, load_settings

PARTS = ("csv", "parquet", "build", "validate", "night")
NIGHT_ROWS, NIGHT_MONTHS = 20_000, 16
BYTES_PER_ROW = 600
"""Landing file, two warehouses, a serving file and room for DuckDB to spill."""


@dataclass
class Bench:
    """One run of the benchmark; `runs` has the measurements of each part in order."""

    rows: int
    months: int
    repeat: int
    parts: tuple[str, ...]
    work: Path
    memory_limit: str | None = None
    runs: dict[str, list[Measured]] = field(default_factory=dict)
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    different: list[str] = field(default_factory=list)

    def measure(self) -> None:
        """Measure all parts that were asked for."""
        for kind in ("csv", "parquet"):
            if kind in self.parts or (kind == "csv" and {"build", "validate"} & set(self.parts)):
                self._generate(kind, self.rows, self.months)
                for _ in range(self.repeat):
                    self._turn(kind)
                shutil.rmtree(self.work / kind)
        if "night" in self.parts:
            self._generate("night", NIGHT_ROWS, NIGHT_MONTHS)
            for _ in range(self.repeat):
                self._mainstay("night", "night", "night")

    def _turn(self, kind: str) -> None:
        """Everything once on new warehouses: first the bare script, then Mainstay."""
        for left in ("bare.duckdb", f"home_{kind}"):
            path = self.work / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        lay_out(self._home(kind), kind)
        self._bare(f"bare load {kind}", "load", kind)
        self._mainstay(f"load {kind}", "load", kind)
        if kind == "parquet":
            return
        if {"build", "validate"} & set(self.parts):
            self._bare("bare build", "build", kind)
            self._mainstay("build", "build", kind)
            if len(self.runs["build"]) == 1:
                self._compare()
        if "validate" in self.parts:
            for part in ("land", "validate", "publish"):
                self._mainstay(part, part, kind)

    def _compare(self) -> None:
        """Nothing that was measured counts if the two did not do the same work."""
        print("  comparing the marts of both …", flush=True)
        self.different = differences(
            self._home("csv") / "var" / "warehouse" / "mainstay.duckdb", self._database
        )
        if self.different:
            raise SystemExit(
                "the bare script and Mainstay give different marts:\n  " + "\n  ".join(self.different)
            )

    @property
    def _database(self) -> Path:
        return self.work / "bare.duckdb"

    def _home(self, kind: str) -> Path:
        return self.work / f"home_{kind}"

    def _generate(self, kind: str, rows: int, months: int) -> None:
        file_format = "csv" if kind == "night" else kind
        arguments = [str(self.work / kind), str(rows), str(months), file_format]
        self.data[kind] = self._run(f"generate {kind}", "bench.generate", arguments, None, kind).items
        if kind == "night":
            policies(self._home(kind))

    def _bare(self, part: str, step: str, kind: str) -> None:
        arguments = [
            step,
            "--landing",
            str(self.work / kind),
            "--database",
            str(self._database),
            "--format",
            kind,
        ]
        arguments += ["--as-of", self.data[kind]["last"]]
        arguments += ["--memory-limit", self.memory_limit] if self.memory_limit else []
        self._run(part, "bench.bare", arguments, None, kind)

    def _mainstay(self, part: str, step: str, kind: str) -> None:
        figures = self.data[kind]
        self._run(part, "bench.parts", [step, figures["first"], figures["last"]], self._home(kind), kind)

    def _run(self, part: str, module: str, arguments: list[str], home: Path | None, kind: str) -> Measured:
        print(f"{part} …", end=" ", flush=True)
        env = environment(home or self.work, self.work / kind, self.memory_limit)
        measured = run(part, module, arguments, env, self.work)
        print(
            f"{measured.seconds:,.1f} s, processor {measured.cpu_seconds:,.1f} s, {measured.peak_mib:,.0f} MiB",
            flush=True,
        )
        self.runs.setdefault(part, []).append(measured)
        return measured

    def as_dict(self) -> dict[str, Any]:
        """All raw figures."""
        return {
            "rows": self.rows,
            "months": self.months,
            "repeat": self.repeat,
            "memory_limit": self.memory_limit,
            "machine": machine(),
            "data": self.data,
            "runs": {part: [asdict(m) for m in runs] for part, runs in self.runs.items()},
        }


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000, help="transaction lines")
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--repeat", type=int, help="runs of each part; default 3, above 5 million rows 2")
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="default all; build implies csv"
    )
    parser.add_argument(
        "--memory-limit", help="DuckDB's memory limit for both, for example 4GB; default DuckDB's own"
    )
    parser.add_argument("--output", type=Path, default=PROJECT_DIR / "docs" / "benchmarks.md")
    parser.add_argument("--keep", action="store_true", help="leave the generated files and warehouses")
    args = parser.parse_args()
    folder: Path = (args.folder or load_settings().var / "bench").resolve()
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    needed, free = args.rows * BYTES_PER_ROW, shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{args.rows:,} rows need about {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are free"
        )
    repeat = args.repeat or (3 if args.rows <= 5_000_000 else 2)
    bench = Bench(args.rows, args.months, repeat, tuple(args.parts), work, args.memory_limit)
    try:
        bench.measure()
    finally:
        if not args.keep:
            shutil.rmtree(work)
    results = folder / f"results-{args.rows}.json"
    results.write_text(json.dumps(bench.as_dict(), indent=2), encoding="utf-8")
    text = write(bench.as_dict(), args.output)
    print(text, f"\nwritten: {args.output}\nraw figures: {results}", sep="\n")


if __name__ == "__main__":
    main()
