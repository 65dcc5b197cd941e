"""Turns the raw figures into docs/benchmarks-spark.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figures, table

DUCKDB = "duckdb"
"""The engine's name in the figures; a cluster is called by the number of its workers."""

PARTS = ("load", "build")
MILLION = 1_000_000


def name_of(engine: str) -> str:
    """An engine in words."""
    return "DuckDB" if engine == DUCKDB else f"Spark, {engine} worker{'s' if engine != '1' else ''}"


def write(figures: Figures, path: Path) -> None:
    """Write the document."""
    runs: list[Figures] = figures["runs"]
    sections = [
        _head(figures),
        _measured(runs),
        _apart(runs),
        _workers(runs),
        _memory(figures),
        _models(runs),
        _method(figures),
    ]
    path.write_text("\n\n".join(section for section in sections if section) + "\n", encoding="utf-8")


def _cpu(run: Figures) -> float:
    return float(sum(run["cpu"].values()))


def _sizes(runs: list[Figures]) -> list[int]:
    return sorted({run["rows"] for run in runs})


def _engines(runs: list[Figures]) -> list[str]:
    return sorted({run["engine"] for run in runs}, key=lambda engine: (engine != DUCKDB, engine))


def _find(runs: list[Figures], rows: int, engine: str, part: str) -> Figures | None:
    found = [r for r in runs if (r["rows"], r["engine"], r["part"]) == (rows, engine, part)]
    return found[-1] if found else None


def _head(figures: Figures) -> str:
    machine, memory = figures["machine"], figures["memory"]
    rest = ", ".join(
        f"{name} {number}"
        for name, number in machine.items()
        if name not in ("processor", "memory", "system", "great-expectations", "apache-airflow")
    )
    *others, largest = (f"{rows:,}" for rows in _sizes(figures["runs"]))
    sizes = f"{', '.join(others)} and {largest}" if others else largest
    return "\n".join(
        [
            "# The night on Spark, measured",
            "",
            "Written by `python -m bench.spark`; do not edit. What follows from it is in [how large](scale.md).",
            "",
            f"{sizes} transaction lines over {figures['months']} months, a CSV file for each business date; load of all of them, "
            "then stage, build and fits' marts with all of dbt's tests. Single runs.",
            "",
            f"- Machine: {machine['processor']}, {machine['memory']}, {machine['system']}, {rest}",
            "- Spark: a standalone master and workers of one core on this machine, so that driver, workers and what they await "
            f"share its cores; heap of an executor {memory['executor']}, a task's DuckDB {memory['task']}, "
            f"the driver's heap {memory['driver']}",
        ]
    )


def _measured(runs: list[Figures]) -> str:
    rows = []
    for part in PARTS:
        for size in _sizes(runs):
            floor = _find(runs, size, DUCKDB, part)
            for engine in _engines(runs):
                run = _find(runs, size, engine, part)
                if run is None:
                    continue
                rows.append(
                    (
                        part,
                        f"{size:,}",
                        name_of(engine),
                        f"{run['seconds']:,.0f} s",
                        f"{_cpu(run):,.0f} s",
                        f"{_cpu(run) / _cpu(floor):.1f} ×" if floor else "",
                        f"{run['disk'] / 1e9:,.2f} GB",
                    )
                )
    head = (
        "part",
        "lines",
        "engine",
        "wall-clock",
        "processor time",
        "of DuckDB's",
        "file and lake afterwards",
    )
    return table(head, rows)


def _line(runs: list[Figures], engine: str, part: str) -> tuple[float, float] | None:
    """Processor seconds that are fixed and those of a million lines, from the smallest and the largest size."""
    found = [run for size in _sizes(runs) if (run := _find(runs, size, engine, part))]
    if len(found) < 2:
        return None
    low, high = found[0], found[-1]
    slope = (_cpu(high) - _cpu(low)) / (high["rows"] - low["rows"])
    return _cpu(low) - slope * low["rows"], slope * MILLION


def _apart(runs: list[Figures]) -> str:
    rows = []
    for part in PARTS:
        for engine in _engines(runs):
            if line := _line(runs, engine, part):
                rows.append((part, name_of(engine), f"{line[0]:,.0f} s", f"{line[1]:,.1f} s"))
    if not rows:
        return ""
    head = table(("part", "engine", "fixed", "a million lines more"), rows)
    return f"## Fixed and marginal cost, processor time\n\nA straight line through the smallest and the largest size.\n\n{head}"


def _workers(runs: list[Figures]) -> str:
    rows = []
    for part in PARTS:
        for size in _sizes(runs):
            one, two = (_find(runs, size, engine, part) for engine in ("1", "2"))
            if one and two:
                rows.append(
                    (
                        part,
                        f"{size:,}",
                        f"{one['seconds']:,.0f} s",
                        f"{two['seconds']:,.0f} s",
                        f"{one['seconds'] / two['seconds']:.2f} ×",
                        *(
                            f"{run['cpu'].get('executor', 0):,.0f} s"
                            for run in (one, two)
                        ),
                    )
                )  # fmt: skip
    if not rows:
        return ""
    head = ("part", "lines", "1 worker", "2 workers", "faster", "executors' processor time, 1", "2")
    return f"## One worker and two\n\n{table(head, rows)}"


def _memory(figures: Figures) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for part in PARTS:
            for size in _sizes(figures["runs"]):
                for engine in _engines(figures["runs"]):
                    run = _find(figures["runs"], size, engine, part)
                    if run is None:
                        continue
                    peak = run["peak"]
                    yield (
                        part,
                        f"{size:,}",
                        name_of(engine),
                        *(
                            f"{peak[what]:,.0f} MiB" if what in peak else "—"
                            for what in ("executor", "driver", "driver's JVM")
                        ),
                    )

    head = ("part", "lines", "engine", "the largest executor", "driver's Python", "driver's Java")
    text = (
        "An executor's is its Java with the heap and the Python processes that work for it, each with a task's DuckDB. Shared "
        "pages are counted once."
    )
    return f"## Memory at its peak\n\n{text}\n\n{table(head, rows())}"


def _models(runs: list[Figures]) -> str:
    size = max((run["rows"] for run in runs if run["engine"] != DUCKDB), default=_sizes(runs)[-1])
    rows: dict[str, dict[str, float]] = {}
    engines = [engine for engine in _engines(runs) if _find(runs, size, engine, "build")]
    for engine in engines:
        run = _find(runs, size, engine, "build")
        for step in run["items"].values() if run else ():
            for model, seconds in step["slowest"].items():
                rows.setdefault(model, {})[engine] = seconds
    ordered = sorted(rows.items(), key=lambda row: -max(row[1].values()))[:12]
    head = ("model", *map(name_of, engines))
    lines = [
        (f"`{model}`", *(f"{of[e]:,.1f} s" if e in of else "" for e in engines)) for model, of in ordered
    ]
    return f"## The slowest models of {size:,} lines, wall-clock\n\n{table(head, lines)}"


def _method(figures: Figures) -> str:
    compared = "; ".join(
        f"{found['marts']} marts with {found['mart_rows']:,} rows of {found['rows']:,} lines"
        for found in figures["compared"]
    )
    lines = [
        "## How it is measured",
        "",
        "- Each part is a process of its own on new files; wall-clock from starting Python to its end, Java's start in it. The "
        "cluster runs already; its executors start with the part.",
        "- Processor time is that of all processes, driver, Java, executors and their Python workers, looked at every 2 s. It "
        "depends less than wall-clock on what else the machine does, but it does: let nothing run beside.",
        "- Nothing is fitted (that has [a page of its own](benchmarks-models.md)), and the expectations and publishing, which "
        "run on DuckDB with either engine, are left out.",
    ]
    told = {found["rows"] for found in figures["compared"]}
    with_spark = {run["rows"] for run in figures["runs"] if run["engine"] != DUCKDB}
    if left_out := sorted(with_spark - told):
        lines.append(
            f"- The marts of {' and of '.join(f'{rows:,}' for rows in left_out)} lines were not compared, for time and room."
        )
    if compared:
        lines.append(
            f"- Compared row by row and column by column, in both directions, doubles to 1e-12: {compared}. Had one differed, "
            "nothing were written here."
        )
    return "\n".join(lines)
