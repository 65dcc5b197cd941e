"""Turns the raw figures into docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LOAD_AIM, BUILD_AIM, VALIDATION_AIM, NIGHT_AIM, MEMORY_AIM = 1.3, 1.5, 0.15, 30.0, 8.0
MAINSTAY_PARTS = ("land", "load csv", "load parquet", "build", "validate", "publish", "night")
READ = "typed read, rules and write"
WHOLE = ("load csv", "build", "validate", "publish")

Figures = dict[str, Any]


def write(figures: Figures, path: Path) -> str:
    """Write the document; returns the table of aims."""
    runs: dict[str, list[Figures]] = figures["runs"]
    table = _table(
        ("part", "aim", "bare script", "Mainstay", "measured", "outcome"),
        [*_ratios(runs), *_validation(runs), *_night(runs), *_memory(runs)],
    )
    sections = [
        _head(figures),
        table,
        _method(figures),
        _loads(runs),
        _build(runs),
        _stages(runs),
        _tasks(runs),
        _parts(runs),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part for part in sections if part) + "\n", encoding="utf-8")
    return table


def _median(runs: Iterable[Figures], name: str = "seconds") -> float:
    return float(statistics.median(run[name] for run in runs))


def _typical(runs: list[Figures]) -> Figures:
    """The run whose time is the median (the lower one of two): its own items add up, medians of items do not."""
    return sorted(runs, key=lambda run: run["seconds"])[(len(runs) - 1) // 2]


def _span(runs: list[Figures], name: str = "seconds") -> str:
    values = [run[name] for run in runs]
    return f"{statistics.median(values):,.1f} s ({min(values):,.1f}–{max(values):,.1f})"


def _outcome(measured: float, aim: float, why: str, shown: str = "{:.2f}") -> str:
    if measured <= aim:
        return "met"
    return f"missed by {shown.format(measured - aim)}: {why}"


def _largest(seconds: dict[str, float], count: int = 3) -> str:
    """The largest items in words."""
    rest = sorted(seconds.items(), key=lambda item: -item[1])[:count]
    return ", ".join(f"{name} {value:,.1f} s" for name, value in rest)


def _ratios(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    for part, title, aim in (
        ("load csv", "load of clean CSV", LOAD_AIM),
        ("load parquet", "load of Parquet", LOAD_AIM),
        ("build", "full build", BUILD_AIM),
    ):
        if part not in runs:
            continue
        bare, ours = runs[f"bare {part}"], runs[part]
        ratio = _median(ours) / _median(bare)
        over = _median(ours) - aim * _median(bare)
        why = f"{over:,.1f} s too many; of Mainstay's time, {_reason(part, ours)}"
        yield title, f"≤ {aim} ×", _span(bare), _span(ours), f"**{ratio:.2f} ×**", _outcome(ratio, aim, why)


def _reason(part: str, ours: list[Figures]) -> str:
    items = _typical(ours)["items"]
    if part != "build":
        own = {name: value for name, value in items["seconds"].items() if name != READ}
        return f"the typed read itself {items['seconds'][READ]:,.1f} s, then {_largest(own)}"
    around = sum(
        items[step]["before_first_node"] + items[step]["after_last_node"] for step in ("stage", "build")
    )
    tests = sum(items[step]["test_seconds"] for step in ("stage", "build"))
    slowest = _largest(items["build"]["slowest"])
    return f"dbt's two starts and ends {around:,.1f} s, its tests {tests:,.1f} s of work, slowest {slowest}"


def _shares(runs: dict[str, list[Figures]]) -> list[tuple[float, float]]:
    """Seconds of validation and of the whole, for each turn."""
    whole = [
        sum(turn) for turn in zip(*([run["seconds"] for run in runs[part]] for part in WHOLE), strict=True)
    ]
    pairs = zip(runs["validate"], runs["publish"], strict=True)
    spent = [validate["seconds"] + _audit(publish) for validate, publish in pairs]
    return list(zip(spent, whole, strict=True))


def _audit(publish: Figures) -> float:
    """Seconds that publishing spent on validating the serving file."""
    return float(publish["items"]["seconds"]["serving"])


def _validation(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if "validate" in runs:
        shares = sorted(_shares(runs), key=lambda pair: pair[0] / pair[1])
        spent, whole = shares[(len(shares) - 1) // 2]
        stages = _typical(runs["validate"])["items"]["seconds"]
        why = _largest({**stages, "serving (in a process of its own)": _audit(_typical(runs["publish"]))})
        yield (
            "validation of all five stages", f"≤ {VALIDATION_AIM:.0%}", "—", f"{spent:,.1f} s of {whole:,.1f} s",
            f"**{spent / whole:.1%}**", _outcome(spent / whole * 100, VALIDATION_AIM * 100, why, "{:.1f} points"),
        )  # fmt: skip


def _nights(runs: dict[str, list[Figures]]) -> list[Figures]:
    return [{**run["items"], "seconds": run["items"]["night_seconds"]} for run in runs.get("night", [])]


def _night(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if nights := _nights(runs):
        seconds, night = _median(nights), _typical(nights)
        why = f"Airflow {night['airflow']:,.1f} s, {_largest(night['tasks'])}"
        yield (
            "empty night through the DAG", f"≤ {NIGHT_AIM:.0f} s", "—", _span(nights), f"**{seconds:.1f} s**",
            _outcome(seconds, NIGHT_AIM, why, "{:.1f} s"),
        )  # fmt: skip


def _memory(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    ours = {
        part: max(run["peak_mib"] for run in runs[part]) / 1024 for part in MAINSTAY_PARTS if part in runs
    }
    bare = [max(run["peak_mib"] for run in of) / 1024 for part, of in runs.items() if part.startswith("bare")]
    worst = max(ours, key=lambda part: ours[part])
    shown = f"{max(bare):.1f} GiB" if bare else "—"
    yield (
        "peak memory of any part", f"≤ {MEMORY_AIM:.0f} GiB", shown, f"{ours[worst]:.1f} GiB ({worst})",
        f"**{ours[worst]:.1f} GiB**", _outcome(ours[worst], MEMORY_AIM, f"the part {worst}", "{:.1f} GiB"),
    )  # fmt: skip


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head(figures: Figures) -> str:
    rows, limit = figures["rows"], figures["memory_limit"]
    command = (
        f"make bench ROWS={rows}" if not limit else f"python -m bench --rows {rows} --memory-limit {limit}"
    )
    data = figures["data"].get("csv") or figures["data"].get("parquet") or {}
    people = f", {data['customers']:,} customers" if "customers" in data else ""
    kinds = [
        (kind, name) for kind, name in (("csv", "CSV"), ("parquet", "Parquet")) if kind in figures["data"]
    ]
    sizes = " and ".join(f"{figures['data'][kind]['bytes'] / 1e6:,.0f} MB of {name}" for kind, name in kinds)
    named = figures["machine"].items()
    machine = ", ".join(f"{name} {value}" if " " not in value else value for name, value in named)
    return (
        "# Benchmarks\n\nWritten by `python -m bench`; do not edit.\n\n"
        f"{rows:,} transaction lines over {figures['months']} months{people}, {sizes} in one file per business date, "
        "active customers spread 3 / 10 / 20 / 47 / 20 % over diamond, gold, silver, ordinary and new.\n\n"
        f"- Command: `{command}`\n- Machine: {machine}\n- Memory limit of DuckDB: {limit or 'its default, 80 % of the memory'}\n"
        f"- Runs of each part: {figures['repeat']}, bare script and Mainstay by turns; median (least–most), ratios of medians"
    )


def _method(figures: Figures) -> str:
    same = (
        "After the first turn all fifteen marts of both are compared, every column; had one differed, the run would have "
        "ended without a table."
        if "build" in figures["runs"]
        else "Marts were not built in this run."
    )
    return (
        "## What is compared\n\n"
        "Each part is a process of its own on new files; its time is wall-clock from starting Python to its end, imports "
        "included; its memory the greatest resident set of it or of a process that it started.\n\n"
        "The bare script (`bench/bare.py`, `bench/bare_marts.sql`) is plain DuckDB written by hand for clean data. It reads "
        "the same files, typed, into the same columns, with timestamps to UTC, business date, file and its date; and computes "
        "the same fifteen marts with temporary tables in between. It does not inspect or hash files, check row rules, look "
        "for duplicate keys, account for rows by file, keep a ledger, let later files correct earlier ones, use dbt, or test "
        f"anything. {same}\n\n"
        "The whole, of which validation is a share: load of CSV, build, validation of landed files, raw, staging and marts "
        "over all months (a night validates only what it touched), publish with the audit of the serving file. Landing "
        "checks are not in it."
    )


def _items_table(title: str, seconds: dict[str, float], whole: float, rest: str) -> str:
    items = sorted(seconds.items(), key=lambda item: -item[1])
    items.append((rest, whole - sum(seconds.values())))
    return f"{title}\n\n" + _table(
        ("item", "seconds", "share"), [(n, f"{s:,.2f}", f"{s / whole:.0%}") for n, s in items]
    )


def _loads(runs: dict[str, list[Figures]]) -> str:
    parts = []
    for part in ("load csv", "load parquet"):
        if part in runs:
            run = _typical(runs[part])
            title = f"### {'CSV' if part.endswith('csv') else 'Parquet'}, {run['seconds']:,.1f} s"
            rest = "starting Python, imports, opening the run"
            parts.append(_items_table(title, run["items"]["seconds"], run["seconds"], rest))
    return "## Where a load's time goes\n\n" + "\n\n".join(parts) if parts else ""


def _build(runs: dict[str, list[Figures]]) -> str:
    if "build" not in runs:
        return ""
    run = _typical(runs["build"])
    rows = []
    for step in ("stage", "build"):
        i = run["items"][step]
        rows.append(
            (step, f"{i['seconds']:,.1f}", f"{i['before_first_node']:,.1f}", f"{i['models']}", f"{i['model_seconds']:,.1f}",
             f"{i['tests']}", f"{i['test_seconds']:,.1f}", f"{i['after_last_node']:,.1f}")
        )  # fmt: skip
    head = (
        "step",
        "seconds",
        "before the first node",
        "models",
        "their seconds",
        "tests",
        "their seconds",
        "after the last",
    )
    slowest = run["items"]["build"]["slowest"].items()
    slow = _table(
        ("slowest models", "seconds"), [(f"`{name}`", f"{seconds:,.2f}") for name, seconds in slowest]
    )
    return (
        f"## Where the build's time goes\n\n{run['seconds']:,.1f} s. Two dbt threads share the work, so that the seconds of "
        f"models and tests overlap.\n\n{_table(head, rows)}\n\n{slow}"
    )


def _stages(runs: dict[str, list[Figures]]) -> str:
    if "validate" not in runs:
        return ""
    run, publish = _typical(runs["validate"]), _typical(runs["publish"])
    seconds = {**run["items"]["seconds"], "serving (within publish, imports included)": _audit(publish)}
    whole = run["seconds"] + _audit(publish)
    title = (
        f"## Where validation's time goes\n\n{run['items']['checks'] + publish['items']['checks']} checks."
    )
    return _items_table(title, seconds, whole, "starting Python, imports")


def _tasks(runs: dict[str, list[Figures]]) -> str:
    if not (nights := _nights(runs)):
        return ""
    night = _typical(nights)
    title = "## An empty night, task by task\n\nA small deployment whose business date was loaded, built and published before."
    seconds = {**night["tasks"], "starting Python and Airflow": night["startup"]}
    return _items_table(title, seconds, night["seconds"], "Airflow's work per task")


def _parts(runs: dict[str, list[Figures]]) -> str:
    rows = [
        (
            part,
            _span(of),
            f"{_median(of, 'cpu_seconds'):,.1f} s",
            f"{max(run['peak_mib'] for run in of):,.0f} MiB",
        )
        for part, of in runs.items()
        if not part.startswith("generate")
    ]
    return "## Every part\n\n" + _table(("part", "wall-clock", "processor time", "peak memory"), rows)
