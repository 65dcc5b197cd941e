"""The benchmark runs, and what it compares is the same work: the bare script's marts equal Mainstay's."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bench.compare import compared_marts, differences
from bench.loyalty import LOYALTY_MARTS, added
from bench.parts import STAGES
from bench.report import write
from bench.stopwatch import TIMED
from pipelines.contracts import mart_contracts
from pipelines.settings import PROJECT_DIR

ROWS = 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    parts = ["--parts", "csv", "parquet", "build", "validate", "--repeat", "1", "--keep"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench",
            f"--rows={ROWS}",
            *parts,
            "--folder",
            folder,
            "--output",
            folder / "benchmarks.md",
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def warehouses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Mainstay's warehouse and the bare script's, built of the same landing files."""
    landing, bare = tmp_path_factory.mktemp("landing"), tmp_path_factory.mktemp("bare") / "bare.duckdb"
    _python("bench.generate", str(landing), str(ROWS), "24", "csv", BENCH_RESULT=str(landing / "report.json"))
    for step in ("load", "build"):
        _python("bench.bare", step, "--landing", str(landing), "--database", str(bare))
    return folder / "work" / "home_csv" / "var" / "warehouse" / "mainstay.duckdb", bare


def _python(module: str, *arguments: str, **env: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=PROJECT_DIR, env={**os.environ, **env}, check=True
    )


@pytest.mark.soak
def test_both_did_the_same_work(warehouses: tuple[Path, Path]) -> None:
    mainstay, bare = warehouses
    assert differences(mainstay, bare) == []
    with duckdb.connect(str(bare), read_only=True) as connection:
        counts = {
            name: connection.execute(f'select count(*) from marts."{name}"').fetchone()
            for name in compared_marts()
        }
    assert counts["fct_transactions"] == (ROWS,)
    assert [name for name, count in counts.items() if count == (0,)] == []
    with duckdb.connect(str(mainstay), read_only=True) as connection:
        lapses = connection.execute("select distinct reason from marts.defections").fetchall()
    assert len(lapses) > 1


def test_the_bare_script_makes_every_mart_that_is_compared() -> None:
    scripts = (PROJECT_DIR / "bench").glob("bare*.sql")
    made = {
        name
        for path in scripts
        for name in re.findall(r"create table marts\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert set(compared_marts()) - made == set()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("change", "column"),
    [
        (
            "update marts.customer_tiers_monthly set tier = 'gold' where tier = 'silver'",
            "customer_tiers_monthly.tier",
        ),
        (
            "update marts.retention_cohorts_monthly set retention_rate = retention_rate + 1e-6 where retention_rate < 1",
            "retention_cohorts_monthly.retention_rate",
        ),
        ("delete from marts.fct_transactions where line_number = 3", "fct_transactions.rows"),
    ],
)
def test_a_difference_is_found(
    warehouses: tuple[Path, Path], tmp_path: Path, change: str, column: str
) -> None:
    mainstay, bare = warehouses
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(bare.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(change)
    assert any(line.startswith(f"{column}:") for line in differences(mainstay, changed))


@pytest.mark.soak
def test_each_part_has_its_figures(folder: Path) -> None:
    figures = json.loads((folder / f"results-{ROWS}.json").read_text())
    parts = ["bare load csv", "load csv", "bare build", "build", "bare load parquet", "load parquet"]
    assert set(parts) < set(figures["runs"])
    for part in parts:
        (run,) = figures["runs"][part]
        assert run["seconds"] > 0
        assert run["cpu_seconds"] > 0
        assert run["peak_mib"] > 20
    for part in ("load csv", "load parquet"):
        items = figures["runs"][part][0]["items"]
        assert items["rows"] > ROWS  # customers and products too
        assert sum(items["seconds"].values()) < figures["runs"][part][0]["seconds"]
        # A function of the loader that was renamed would drop out of the report unseen.
        assert {label for _, _, label in TIMED} <= set(items["seconds"]) | {"careful read (JSON Lines)"}
    document = (folder / "benchmarks.md").read_text()
    for title in ("load of clean CSV", "load of Parquet", "full build", "marts of feedback", "peak memory"):
        assert f"| {title}" in document
    assert str(folder) not in document


@pytest.mark.soak
def test_what_the_loyalty_marts_cost_is_told(folder: Path) -> None:
    (build,) = json.loads((folder / f"results-{ROWS}.json").read_text())["runs"]["build"]
    theirs = {name for step in build["items"].values() for name in step["loyalty_models"]}
    assert set(LOYALTY_MARTS) < theirs
    assert {"int_feedback", "stg_employees"} < theirs
    assert not {"fct_feedback", "stg_feedback", "int_customer_days", "customer_tiers_monthly"} & theirs
    spent, rest = added(build)
    assert 0 < spent < rest


def test_the_timed_functions_exist() -> None:
    for module, name, _ in TIMED:
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.soak
def test_all_that_was_built_is_validated_and_published(folder: Path) -> None:
    figures = json.loads((folder / f"results-{ROWS}.json").read_text())
    (validate,), (publish,) = figures["runs"]["validate"], figures["runs"]["publish"]
    assert set(validate["items"]["seconds"]) >= set(STAGES)
    assert validate["items"]["checks"] > 100
    marts = folder / "work" / "home_csv" / "var" / "serving" / "marts.duckdb"
    with duckdb.connect(str(marts), read_only=True) as connection:
        published = {name for (name,) in connection.execute("select table_name from _publish").fetchall()}
    assert published == set(mart_contracts())
    assert publish["items"]["checks"] > 0


@pytest.mark.soak
def test_a_missed_aim_says_by_how_much_and_why(folder: Path, tmp_path: Path) -> None:
    figures = json.loads((folder / f"results-{ROWS}.json").read_text())
    (bare,), (ours,) = figures["runs"]["bare load csv"], figures["runs"]["load csv"]
    bare["seconds"], ours["seconds"] = 10.0, 15.0
    ours["items"]["seconds"] = {"typed read, rules and write": 9.0, "inspection and hash": 4.0}
    table = write(figures, tmp_path / "missed.md")
    assert "**1.50 ×** | missed by 0.20: 2.0 s too many" in table
    assert "the typed read itself 9.0 s, then inspection and hash 4.0 s" in table
    ours["seconds"] = 13.0
    assert "**1.30 ×** | met |" in write(figures, tmp_path / "met.md")
