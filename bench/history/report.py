"""Turns the raw figures into docs/benchmarks-history.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.figures import Figures, median, span, table

HISTORY_AIM, CORRECTION_AIM, BULK_AIM = 1.5, 2.0, 1.3
YEAR = 365


def write(found: list[Figures], path: Path) -> str:
    """Write the document; returns the tables of aims."""
    aims = "\n\n".join(_size(figures) for figures in found)
    sections = [_head(found), aims, _method(), *(_steps(figures) for figures in found)]
    path.write_text("\n\n".join(part for part in sections if part) + "\n", encoding="utf-8")
    return aims


def _head(found: list[Figures]) -> str:
    named = found[0]["machine"].items()
    machine = ", ".join(f"{name} {value}" if " " not in value else value for name, value in named)
    sizes = " ".join(str(figures["lines_a_day"]) for figures in found)
    return (
        "# What a history costs\n\nWritten by `python -m bench.history`; do not edit.\n\n"
        f"- Command: `python -m bench.history --lines-a-day {sizes}`\n- Machine: {machine}\n"
        "- Seconds are wall-clock of the whole command, median (least–most) where it was run more than once"
    )


def _size(figures: Figures) -> str:
    notes = figures["notes"]
    rows = table(
        ("what", "aim", "measured against", "measured", "ratio", "outcome"),
        [*_nights(figures), *_correction(figures), *_year(figures)],
    )
    return (
        f"## {figures['lines_a_day']:,} lines a day\n\n{notes['customers']:,} customers, {notes['rows']:,} lines over "
        f"{notes['days']:,} days in all.\n\n{rows}"
    )


def _row(what: str, aim: float, floor: list[Figures], ours: list[Figures]) -> tuple[str, ...]:
    ratio = median(ours) / median(floor)
    outcome = "met" if ratio <= aim else f"missed by {median(ours) - aim * median(floor):,.1f} s"
    return what, f"≤ {aim} ×", span(floor), span(ours), f"**{ratio:.2f} ×**", outcome


def _nights(figures: Figures) -> Iterable[tuple[str, ...]]:
    runs = figures["runs"]
    for factor in (3, 10):
        if f"night {factor}" in runs:
            lines = figures["notes"][f"history {factor}"]["lines"]
            what = f"a night on {factor} × the history ({lines:,} lines)"
            yield _row(what, HISTORY_AIM, runs["night 1"], runs[f"night {factor}"])


def _correction(figures: Figures) -> Iterable[tuple[str, ...]]:
    runs = figures["runs"]
    if "correction" in runs:
        yield _row(
            "a one-day correction a year back, against a night",
            CORRECTION_AIM,
            runs["night 10"],
            runs["correction"],
        )


def _year(figures: Figures) -> Iterable[tuple[str, ...]]:
    runs = figures["runs"]
    if "bulk" not in runs:
        return
    yield _row(
        "a bulk backfill of 365 corrected dates, against one load from scratch",
        BULK_AIM,
        runs["scratch corrected"],
        runs["bulk"],
    )
    single = sum(run["seconds"] for run in runs["single night"]) / len(runs["single night"]) * YEAR
    ratio = median(runs["bulk"]) / single
    yield (
        "the same, against 365 single nights", "—",
        f"{single:,.0f} s ({len(runs['single night'])} nights measured, spread over the year)",
        span(runs["bulk"]), f"**{ratio:.4f} ×**", f"{1 / ratio:,.0f} times as fast",
    )  # fmt: skip


def _method() -> str:
    return (
        "## What is compared\n\n"
        "Every figure is a command as a person types it, from starting Python to its end: the whole DAG in-process, with "
        "Airflow's start, all validations, publishing and its audit.\n\n"
        "**Nights**: of the same landing files, the last 4, 12 and 40 months are history, and the same last three dates are "
        "run night by night. A first night, which builds everything, does not count.\n\n"
        "**Correction**: on the whole history, a file of a year ago loses one line in ten; `mainstay backfill DATE` loads it, "
        "builds, validates, compares with what is served, and publishes.\n\n"
        "**Year**: 365 dates are loaded and published; then every file loses one line in ten, and `mainstay backfill` takes in "
        "all of them. A second deployment loads the corrected files from scratch. Both must publish the same content, or "
        "nothing is written here."
    )


def _steps(figures: Figures) -> str:
    runs = figures["runs"]
    parts = [
        part for part in ("night 1", "night 3", "night 10", "first night 10", "correction") if part in runs
    ]
    if not parts:
        return ""
    names = list(dict.fromkeys(name for part in parts for name in runs[part][-1]["items"]["steps"]))
    rows = [
        (name, *(f"{runs[part][-1]['items']['steps'].get(name, 0):.1f}" for part in parts)) for name in names
    ]
    whole = ("whole command", *(f"{runs[part][-1]['seconds']:.1f}" for part in parts))
    memory = ("peak memory, MiB", *(f"{max(r['peak_mib'] for r in runs[part]):,.0f}" for part in parts))
    return (
        f"## Where the time goes, {figures['lines_a_day']:,} lines a day\n\nSeconds of the last run of each.\n\n"
        + table(("step", *parts), [*rows, whole, memory])
    )
