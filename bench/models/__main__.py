"""`python -m bench.models`: what fitting costs by number of customers; writes docs/benchmarks-models.md."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from bench.machine import machine
from bench.measure import Measured, run
from bench.models.population import DAYS, HOLDOUT_DAYS, write
from pipelines.settings import PROJECT_DIR, load_settings

SECONDS_AIM, MEMORY_AIM_MIB = 60, 2048


def main() -> None:
    """Make the customers up, fit them cold and again from the last parameters, and write the document."""
    parser = argparse.ArgumentParser(prog="python -m bench.models", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; default var/bench")
    parser.add_argument("--output", type=Path, default=PROJECT_DIR / "docs" / "benchmarks-models.md")
    args = parser.parse_args()
    work = ((args.folder or load_settings().var / "bench") / "models").resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rows = []
    try:
        for customers, are_leaving in [*((n, True) for n in args.customers), (args.customers[-1], False)]:
            path = work / f"{customers}-{are_leaving}.duckdb"
            name = f"{customers:,}" + ("" if are_leaving else ", nobody leaves")
            print(f"making customers up: {name} …", flush=True)
            write(path, customers, args.seed, are_leaving=are_leaving)
            floor = _part("reading alone", path, work, "--floor")
            cold = _part("first fit", path, work)
            warm = _part("next night", path, work)
            if cold.items["parameters"] != warm.items["parameters"]:
                raise SystemExit("the next night found other parameters than the first; nothing was written")
            rows.append((name, floor, cold, warm))
    finally:
        shutil.rmtree(work)
    args.output.write_text(document(rows, args.seed), encoding="utf-8")
    print(f"written: {args.output}")


def _part(part: str, path: Path, work: Path, *options: str) -> Measured:
    print(f"{part} …", end=" ", flush=True)
    measured = run(part, "bench.models.part", [str(path), *options], dict(os.environ), work)
    print(f"{measured.seconds:,.1f} s, {measured.peak_mib:,.0f} MiB", flush=True)
    return measured


def document(rows: list[tuple[str, Measured, Measured, Measured]], seed: int) -> str:
    """The page: a row per number of customers; the last one is of customers who never leave."""
    versions = machine()
    where = (
        f"{versions['processor']}, {versions['memory']}, {versions['system']}, python {versions['python']}"
    )
    lines = [
        "# What fitting the models costs",
        "",
        "Written by `python -m bench.models`; do not edit.",
        "",
        f"- Machine: {where}",
        f"- {DAYS:,} days of made-up customers (Pareto/NBD and Gamma-Gamma, seed {seed}), holdout {HOLDOUT_DAYS} days",
        "- Seconds are wall-clock of a process of its own, from starting Python to its end: read the statistics, fit "
        "three timing models on all buyers and on the calibration and Gamma-Gamma, write schema `fits`",
        "- The floor is the same process that only reads the statistics; `ratio` is the first fit against it",
        "- The next night starts from the first one's parameters and must find the same, or nothing is written here",
        "",
        "| customers | distinct histories | floor | first fit | ratio | next night | peak memory | left out |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, floor, cold, warm in rows:
        lines.append(
            f"| {name} | {cold.items['histories']:,} | {floor.seconds:.1f} s | {cold.seconds:.1f} s "
            f"| {cold.seconds / floor.seconds:.1f} × | {warm.seconds:.1f} s | {cold.peak_mib:,.0f} MiB "
            f"| {', '.join(cold.items['left_out']) or 'none'} |"
        )
    seconds, peak = (
        max(getattr(cold, what) for _, _, cold, _ in rows[-2:]) for what in ("seconds", "peak_mib")
    )
    is_met = seconds < SECONDS_AIM and peak < MEMORY_AIM_MIB
    lines += [
        "",
        f"Aim: 1,000,000 customers in less than {SECONDS_AIM} s and {MEMORY_AIM_MIB:,} MiB. "
        f"{rows[-2][0]} took {seconds:.1f} s and {peak:,.0f} MiB at most: **{'met' if is_met else 'missed'}**.",
        "",
        "Where nobody leaves, a timing model has no maximum. That is found on a part of the histories, and found anew each "
        "night.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
