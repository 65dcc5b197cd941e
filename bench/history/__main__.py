"""`python -m bench.history --lines-a-day N`: what corrections and a long history cost; writes docs/benchmarks-history.md.

Everything is measured through the commands that a person types, each as a process of its own: `mainstay nightly`,
`mainstay backfill`. What is measured and why stands in the document that this writes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bench.history.report import write
from bench.machine import machine
from bench.measure import Measured, environment, run
from pipelines.demo.scale import generate
from pipelines.settings import PROJECT_DIR, load_settings

MONTHS = 40
FACTORS = {1: 4, 3: 12, 10: MONTHS}
"""Months of history: a tenth, three tenths and all of the same files, so that their last days are the same."""

NIGHTS = 3
YEAR = 365
PARTS = ("nights", "year")


@dataclass
class History:
    """One run of the benchmark; `runs` has the measurements of each part in order."""

    lines_a_day: int
    parts: tuple[str, ...]
    repeat: int
    sample: int
    work: Path
    runs: dict[str, list[Measured]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def measure(self) -> None:
        """Generate once, then measure each part on deployments of its own."""
        first = date(2022, 1, 1)
        days = (_month_later(first, MONTHS) - first).days
        print(f"generating {self.lines_a_day * days:,} lines over {days:,} days …", flush=True)
        report = generate(
            self.work / "all", self.lines_a_day * days, MONTHS,
            customers=max(50, self.lines_a_day * 5 // 2), first_month=first,
        )  # fmt: skip
        self.last = report.last_date
        self.notes |= {"customers": report.customers, "rows": report.rows, "days": days, "last": self.last}
        if "nights" in self.parts:
            for factor, months in FACTORS.items():
                self._nights(factor, _month_later(self.last + timedelta(days=1), -months))
        if "year" in self.parts:
            self._year(self.last - timedelta(days=YEAR - 1))

    def _nights(self, factor: int, first: date) -> None:
        """Load a history, then run nights for its last dates; the first one builds everything and does not count."""
        home = self._deployment(f"history{factor}", first, self.last - timedelta(days=NIGHTS))
        for back in range(NIGHTS, -1, -1):
            day = self.last - timedelta(days=back)
            self._land(home, day, day)
            part = f"night {factor}" if back < NIGHTS else f"first night {factor}"
            measured = self._command(part, home, "nightly", str(day))
            measured.items["steps"] = _steps(home)
            self.runs.setdefault(part, []).append(measured)
        self.notes[f"history {factor}"] = {**_served(home), "days": (self.last - first).days + 1}
        if factor == max(FACTORS):
            for back in (YEAR, YEAR + 30):
                day = self.last - timedelta(days=back)
                self._thin(home, day)
                measured = self._command("correction", home, "backfill", str(day))
                measured.items["steps"] = _steps(home)
                self.runs.setdefault("correction", []).append(measured)
        shutil.rmtree(home)

    def _year(self, first: date) -> None:
        """The same year loaded once from scratch, backfilled in bulk, and night by night."""
        for _ in range(self.repeat):
            home = self._deployment("year", first, self.last)
            self._add("scratch", self._command("scratch", home, "backfill", str(first), str(self.last)))
            for day in _days(first, self.last):
                self._thin(home, day)
            self._add("bulk", self._command("bulk", home, "backfill", str(first), str(self.last)))
            again = self._deployment("again", first, self.last)
            for day in _days(first, self.last):
                self._thin(again, day)
            self._add(
                "scratch corrected", self._command("scratch", again, "backfill", str(first), str(self.last))
            )
            self._require_same(home, again)
            shutil.rmtree(home)
            shutil.rmtree(again)
        home = self._deployment("single", first, first)
        step = YEAR // (self.sample + 1)
        for number in range(self.sample):
            day = first + timedelta(days=step * (number + 1))
            self._land(home, first, day - timedelta(days=1))
            self._command(
                "catching up", home, "backfill", str(first), str(day - timedelta(days=1)), "--changed-only"
            )
            self._land(home, day, day)
            measured = self._command("single night", home, "nightly", str(day))
            self._add("single night", measured)
        shutil.rmtree(home)

    def _require_same(self, one: Path, other: Path) -> None:
        """What was measured counts only if both ways gave the same marts."""
        contents = []
        for home in (one, other):
            with duckdb.connect(str(home / "var" / "serving" / "marts.duckdb"), read_only=True) as connection:
                contents.append(connection.execute("select distinct content from _publish").fetchall())
        if contents[0] != contents[1]:
            raise SystemExit(
                "the backfill and the load from scratch published different marts; nothing was written"
            )

    def _deployment(self, name: str, first: date, last: date) -> Path:
        home = self.work / name
        shutil.rmtree(home, ignore_errors=True)
        self._land(home, first, last)
        for dataset in ("products", "customers"):
            (source,) = (self.work / "all" / dataset).iterdir()
            shutil.copytree(source, home / "var" / "landing" / dataset / str(first))
        return home

    def _land(self, home: Path, first: date, last: date) -> None:
        for day in _days(first, last):
            source = self.work / "all" / "transactions" / str(day)
            target = home / "var" / "landing" / "transactions" / str(day)
            if (
                source.exists() and not target.exists()
            ):  # in its first weeks a made-up shop may sell nothing on a day
                shutil.copytree(source, target)

    def _thin(self, home: Path, day: date) -> None:
        """Correct a date: one line in ten is gone."""
        for path in (home / "var" / "landing" / "transactions" / str(day)).glob("*"):
            head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for number, line in enumerate(lines) if number % 10]
            path.write_text("".join([head, *kept]), encoding="utf-8")

    def _command(self, part: str, home: Path, *arguments: str) -> Measured:
        print(f"{part}: mainstay {' '.join(arguments)} …", end=" ", flush=True)
        env = environment(home, None, None)
        measured = run(part, "pipelines.cli", [*arguments, "--json"], env, self.work)
        print(f"{measured.seconds:,.1f} s, {measured.peak_mib:,.0f} MiB", flush=True)
        return measured

    def _add(self, part: str, measured: Measured) -> None:
        self.runs.setdefault(part, []).append(measured)

    def as_dict(self) -> dict[str, Any]:
        """All raw figures."""
        return {
            "lines_a_day": self.lines_a_day,
            "machine": machine(),
            "notes": json.loads(json.dumps(self.notes, default=str)),
            "runs": {part: [asdict(m) for m in runs] for part, runs in self.runs.items()},
        }


def _served(home: Path) -> dict[str, int]:
    """The size of what is published: transaction lines and customer months."""
    with duckdb.connect(str(home / "var" / "serving" / "marts.duckdb"), read_only=True) as connection:
        sizes = connection.execute(
            "select (select count(*) from fct_transactions), (select count(*) from customer_tiers_monthly)"
        ).fetchone()
    return dict(zip(("lines", "customer_months"), sizes or (), strict=True))


def _steps(home: Path) -> dict[str, float]:
    """Seconds of each step of the newest run, from the ledger."""
    warehouse = home / "var" / "warehouse" / "mainstay.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select step, epoch(finished_at - started_at) from ops.steps "
            "where run_id = (select run_id from ops.runs order by sequence desc limit 1) order by sequence"
        ).fetchall()
    return {step: float(seconds) for step, seconds in rows}


def _month_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, day.day)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--lines-a-day", type=int, nargs="+", default=[1_000, 10_000], help="sizes of a day")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default all")
    parser.add_argument("--repeat", type=int, default=2, help="runs of the year's loads; default 2")
    parser.add_argument("--sample", type=int, default=12, help="single nights of the year that are measured")
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench")
    parser.add_argument("--output", type=Path, default=PROJECT_DIR / "docs" / "benchmarks-history.md")
    args = parser.parse_args()
    folder: Path = (args.folder or load_settings().var / "bench").resolve()
    found = []
    for lines in args.lines_a_day:
        work = folder / "history"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        history = History(lines, tuple(args.parts), args.repeat, args.sample, work)
        try:
            history.measure()
        finally:
            shutil.rmtree(work)
        results = folder / f"results-history-{lines}.json"
        results.write_text(json.dumps(history.as_dict(), indent=2), encoding="utf-8")
        found.append(history.as_dict())
    print(write(found, args.output), f"\nwritten: {args.output}", sep="\n")
    os.sync()


if __name__ == "__main__":
    main()
