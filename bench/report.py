"""Turns the raw figures into docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.compare import compared_marts
from bench.figures import Figures, audit, median, nights_of, span, table, typical
from bench.loyalty import added, spent
from bench.sections import build_section, loads_section, parts_section, stages_section, tasks_section

LOAD_AIM, BUILD_AIM, VALIDATION_AIM, NIGHT_AIM, MEMORY_AIM = 1.3, 1.5, 0.15, 30.0, 8.0
LOYALTY_AIM = 0.15
MAINSTAY_PARTS = ("land", "load csv", "load parquet", "build", "validate", "publish", "night")
READ = "typed read, rules and write"
STEPS = ("stage", "build", "fit")
WHOLE = ("load csv", "build", "validate", "publish")


def write(figures: Figures, path: Path) -> str:
    """Write the document; returns the table of aims."""
    runs: dict[str, list[Figures]] = figures["runs"]
    aims = table(
        ("part", "aim", "bare script", "Mainstay", "measured", "outcome"),
        [
            *_ratios(runs),
            *_loyalty(runs),
            *_programmes(runs),
            *_validation(runs),
            *_night(runs),
            *_memory(runs),
        ],
    )
    sections = [
        _head(figures),
        aims,
        _method(figures),
        loads_section(runs),
        build_section(runs),
        stages_section(runs),
        tasks_section(runs),
        parts_section(runs),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part for part in sections if part) + "\n", encoding="utf-8")
    return aims


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
        if part == "build":  # what the bare script does not make is told in a row of its own
            ours = [{**run, "seconds": run["seconds"] - spent(run, "programmes")} for run in ours]
        ratio = median(ours) / median(bare)
        over = median(ours) - aim * median(bare)
        why = f"{over:,.1f} s too many; of Mainstay's time, {_reason(part, ours)}"
        yield title, f"≤ {aim} ×", span(bare), span(ours), f"**{ratio:.2f} ×**", _outcome(ratio, aim, why)


def _reason(part: str, ours: list[Figures]) -> str:
    items = typical(ours)["items"]
    if part != "build":
        own = {name: value for name, value in items["seconds"].items() if name != READ}
        return f"the typed read itself {items['seconds'][READ]:,.1f} s, then {_largest(own)}"
    around = sum(items[step]["before_first_node"] + items[step]["after_last_node"] for step in STEPS)
    tests = sum(items[step]["test_seconds"] for step in STEPS)
    slowest = _largest(items["build"]["slowest"])
    return f"dbt's three starts and ends {around:,.1f} s, its tests {tests:,.1f} s of work, slowest {slowest}"


def _loyalty(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if "build" in runs:
        bare, ours = typical(runs["bare build"])["items"]["seconds"], typical(runs["build"])
        first, *later = bare.values()
        spent, rest = added(ours)
        why = _largest(
            {name: s for step in STEPS for name, s in ours["items"][step]["loyalty_models"].items()}
        )
        yield (
            "marts of feedback and loyalty, on top of the build", f"≤ {LOYALTY_AIM:.0%}",
            f"{sum(later):,.1f} s on {first:,.1f} s: {sum(later) / first:.1%}", f"{spent:,.1f} s on {rest:,.1f} s",
            f"**{spent / rest:.1%}**", _outcome(spent / rest * 100, LOYALTY_AIM * 100, why, "{:.1f} points"),
        )  # fmt: skip


def _programmes(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if "build" in runs:
        ours = typical(runs["build"])
        slowest = _largest(
            {name: s for step in STEPS for name, s in ours["items"][step]["programmes_models"].items()}
        )
        seconds = spent(ours, "programmes")
        yield (
            "marts of care, points and offers, on top of the build", "—", "not made", f"{seconds:,.1f} s",
            f"**{seconds:,.1f} s**", f"slowest {slowest}",
        )  # fmt: skip


def _shares(runs: dict[str, list[Figures]]) -> list[tuple[float, float]]:
    """Seconds of validation and of the whole, for each turn."""
    whole = [
        sum(turn) for turn in zip(*([run["seconds"] for run in runs[part]] for part in WHOLE), strict=True)
    ]
    pairs = zip(runs["validate"], runs["publish"], strict=True)
    spent = [validate["seconds"] + audit(publish) for validate, publish in pairs]
    return list(zip(spent, whole, strict=True))


def _validation(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if "validate" in runs:
        shares = sorted(_shares(runs), key=lambda pair: pair[0] / pair[1])
        spent, whole = shares[(len(shares) - 1) // 2]
        stages = typical(runs["validate"])["items"]["seconds"]
        why = _largest({**stages, "serving (in a process of its own)": audit(typical(runs["publish"]))})
        yield (
            "validation of all five stages", f"≤ {VALIDATION_AIM:.0%}", "—", f"{spent:,.1f} s of {whole:,.1f} s",
            f"**{spent / whole:.1%}**", _outcome(spent / whole * 100, VALIDATION_AIM * 100, why, "{:.1f} points"),
        )  # fmt: skip


def _night(runs: dict[str, list[Figures]]) -> Iterable[tuple[str, ...]]:
    if nights := nights_of(runs):
        seconds, night = median(nights), typical(nights)
        why = f"Airflow {night['airflow']:,.1f} s, {_largest(night['tasks'])}"
        yield (
            "empty night through the DAG", f"≤ {NIGHT_AIM:.0f} s", "—", span(nights), f"**{seconds:.1f} s**",
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
        f"After the first turn all {len(compared_marts())} marts of both are compared, every column; had one differed, the run "
        "would have ended without a table."
        if "build" in figures["runs"]
        else "Marts were not built in this run."
    )
    return (
        "## What is compared\n\n"
        "Each part is a process of its own on new files; its time is wall-clock from starting Python to its end, imports "
        "included; its memory the greatest resident set of it or of a process that it started.\n\n"
        "The bare script (`bench/bare.py` and the SQL beside it) is plain DuckDB written by hand for clean data. It reads "
        "the same files, typed, into the same columns, with timestamps to UTC, business date, file and its date; and computes "
        "the same marts with temporary tables in between. It does not inspect or hash files, check row rules, look "
        "for duplicate keys, account for rows by file, keep a ledger, let later files correct earlier ones, use dbt, or test "
        f"anything. {same} Neither fits models here: what `defections` reads of a fit is null, and Mainstay's third call of dbt, "
        "which in a night belongs to the step `fit`, is in its build. The bare script does not make the marts of care, points "
        "and offers: they are not compared, and the build's ratio is without the time that dbt worked on them.\n\n"
        "What the marts of feedback and loyalty add: of the bare script, the seconds of its statements; of Mainstay, the time "
        "that dbt worked on its nodes, shared out by the seconds of each, with the models and tests that are there for these "
        "marts alone on one side and all else, dbt's starts included, on the other.\n\n"
        "The whole, of which validation is a share: load of CSV, build, validation of landed files, raw, staging and marts "
        "over all months (a night validates only what it touched), publish with the audit of the serving file. Landing "
        "checks are not in it.\n\n"
        "## What the extra time pays for\n\n"
        "The bare load trusts its input. Mainstay's checks every row against the contract's rules while it casts, reads "
        "figures with more digits than the contract has so that none is rounded in silence, looks for keys that come "
        "twice within a date or between dates, and reads each file once more to hash it, to count its lines and to make "
        "sure that it decodes to the end. These are what a load promises; a contract with fewer rules loads faster.\n\n"
        "The parts of validation stand in two processes here, and each imports Great Expectations; a night through "
        "`mainstay nightly` runs all stages in one process and imports it once."
    )
