"""The benchmark of Spark: what processes take is counted by the part that they play, and the page says what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bench.spark.__main__ import FIGURES, Scale
from bench.spark.report import DUCKDB, write
from pipelines.settings import PROJECT_DIR
from tests.spark.sessions import needs_spark

BUSY = "import time, sys; a = bytearray({size} * 2**20); e = time.process_time() + {seconds}\nwhile time.process_time() < e: pass"


WATCHED = """
import json, subprocess, sys
from bench.spark.watch import Watch
with Watch(every=0.2) as watch:
    running = [subprocess.Popen([sys.executable, "-c", *arguments]) for arguments in json.loads(sys.argv[1])]
    for process in running:
        process.wait()
print(json.dumps([watch.cpu, watch.peak]))
"""


def test_an_executor_has_what_it_started_and_all_else_is_the_drivers() -> None:
    inner = BUSY.format(size=60, seconds=1)
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    busy = [[outer, "CoarseGrainedExecutorBackend"], [BUSY.format(size=5, seconds=1)]]
    # From a process of its own, as a worker of the tests may have other children by now.
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(busy)], cwd=PROJECT_DIR, capture_output=True, text=True, check=True
    )  # fmt: skip
    cpu, peak = json.loads(done.stdout)
    assert set(cpu) == {"executor", "driver"}
    assert 0.1 < cpu["executor"] < 2
    assert peak["executor"] > 60 > peak["driver"]


pytestmark = pytest.mark.skipif(find_spec("pyspark") is None, reason="needs `make .venv/spark`")


def figures(folder: Path) -> dict[str, Any]:
    """Ten seconds that are fixed and two a million lines on DuckDB; on Spark a hundred and ten, by one worker or two."""

    def run(engine: str, rows: int, fixed: float, marginal: float, workers: int) -> list[dict[str, Any]]:
        seconds = fixed + marginal * rows / 1e6
        return [
            {
                "rows": rows, "engine": engine, "part": part, "seconds": seconds / workers,
                "cpu": {"driver": 0.25 * seconds, "executor": 0.75 * seconds}, "peak": {"driver": 200.0, "executor": 900.0},
                "disk": 10**9, "items": {"build": {"slowest": {"fct_transactions": seconds / 4}}},
            }
            for part in ("load", "build")
        ]  # fmt: skip

    runs = []
    for rows in (10**6, 21 * 10**6):
        runs += run(DUCKDB, rows, 10, 2, 1)
        runs += run("1", rows, 100, 10, 1) + run("2", rows, 100, 10, 2)
    scale = Scale(folder, 24, "3g", "4g", "2g", is_compared=True)
    scale.runs, scale.compared = runs, [{"rows": 10**6, "marts": 40, "mart_rows": 12_345}]
    return scale.as_dict()


def test_the_page_tells_fixed_from_marginal_and_one_worker_from_two(tmp_path: Path) -> None:
    write(figures(tmp_path), tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| build | DuckDB | 10 s | 2.0 s |" in page
    assert "| build | Spark, 2 workers | 100 s | 10.0 s |" in page
    assert "| load | 21,000,000 | Spark, 1 worker | 310 s | 310 s | 6.0 × |" in page
    assert "| load | 21,000,000 | 310 s | 155 s | 2.00 × |" in page
    assert "40 marts with 12,345 rows of 1,000,000 lines" in page
    assert "The marts of 21,000,000 lines were not compared" in page


def test_a_size_of_hours_is_added_and_what_was_measured_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FIGURES).write_text(json.dumps(figures(tmp_path)), encoding="utf-8")
    scale = Scale(tmp_path, 24, "3g", "4g", "2g", is_compared=True)
    scale.add_to(tmp_path / FIGURES)
    asked: list[str] = []

    def refuse(*_: object) -> None:
        asked.append("generate")
        raise SystemExit

    monkeypatch.setattr("bench.spark.__main__.run", refuse)
    scale.measure(10**6, [DUCKDB, "1", "2"])
    assert capsys.readouterr().out.count("measured before") == 3
    assert not asked
    with pytest.raises(SystemExit):
        scale.measure(10**6, [DUCKDB, "1", "3"])
    assert asked == ["generate"]


def test_a_size_whose_marts_differ_leaves_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    scale = Scale(work, 24, "3g", "4g", "2g", is_compared=True)
    scale.runs = figures(work)["runs"]
    monkeypatch.setattr("bench.spark.__main__.attached", lambda *_: duckdb.connect())
    monkeypatch.setattr("bench.spark.__main__.mart_contracts", dict)
    monkeypatch.setattr("bench.spark.__main__.differences", lambda *_: ["dim_dates: 1 rows differ"])
    with pytest.raises(SystemExit, match="dim_dates: 1 rows differ"):
        scale._compare("2", 10**6)
    kept = json.loads((tmp_path / FIGURES).read_text(encoding="utf-8"))
    assert {run["rows"] for run in kept["runs"]} == {21 * 10**6}
    assert kept["compared"] == []


def test_figures_of_other_dates_or_memory_are_not_added_to(tmp_path: Path) -> None:
    (tmp_path / FIGURES).write_text(json.dumps(figures(tmp_path)), encoding="utf-8")
    with pytest.raises(SystemExit, match="measured with months 24, this run has 16"):
        Scale(tmp_path, 16, "3g", "4g", "2g", is_compared=True).add_to(tmp_path / FIGURES)
    with pytest.raises(SystemExit, match=r"measured with memory .*'6g'"):
        Scale(tmp_path, 24, "6g", "4g", "2g", is_compared=True).add_to(tmp_path / FIGURES)
    with pytest.raises(SystemExit, match="no figures of an earlier run"):
        Scale(tmp_path, 24, "3g", "4g", "2g", is_compared=True).add_to(tmp_path / "none.json")


@needs_spark
@pytest.mark.soak
def test_a_small_run_measures_both_engines_and_compares_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.spark", "--rows", "20000", "--workers", "2", "--months", "16"),
            *("--executor-memory", "1g", "--worker-memory", "1g", "--driver-memory", "1g"),
            *("--folder", tmp_path, "--output", tmp_path / "page.md"),
        ],
        cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / FIGURES).read_text())
    assert [(run["engine"], run["part"]) for run in found["runs"]] == [
        (engine, part) for engine in ("duckdb", "2") for part in ("load", "build")
    ]
    assert found["compared"][0]["marts"] == 40
    assert all(run["cpu"]["executor"] > 1 for run in found["runs"] if run["engine"] == "2")
