"""CONTRIBUTING.md's examples, added to a copy of the project as they stand, do what the page says of them.

One copy and one night for all five, as both are dear. The night also carries the line that docs/architecture.md follows.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.docs.snippets import PROJECT, blocks, edited

PAGE = PROJECT / "CONTRIBUTING.md"
ARCHITECTURE = PROJECT / "docs" / "architecture.md"
NIGHT = Path(__file__).with_name("contributed_night.py")

# What a night needs of the project. Other models' unit tests are not run here, and dbt takes seconds to read them.
PARTS = ("dags", "data_contracts", "dbt_project", "demo", "docs", "pipelines", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("target", "logs", "*_unit_tests.yml")


@dataclass
class Contributed:
    """The copy with the examples added, after the night."""

    project: Path
    home: Path
    found: dict[str, Any]
    changed: list[str]
    """Paths that the examples add or change."""

    def query(self, sql: str, *, served: bool = False) -> list[tuple[Any, ...]]:
        """Rows of the warehouse, or of what BI reads."""
        var = self.home / "var"
        path = var / "serving" / "marts.duckdb" if served else var / "warehouse" / "mainstay.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
            return rows


def _add_examples(project: Path) -> list[str]:
    """Write the page's files, make its changes and run its commands, each kind in the page's order."""
    changed = []
    for name, text in blocks(PAGE, "file"):
        path = project / name
        assert not path.exists(), f"{name} is there already"
        path.write_text(text, encoding="utf-8")
        changed.append(name)
    for name, changes in blocks(PAGE, "edit"):
        path = project / name
        path.write_text(edited(path.read_text(encoding="utf-8"), changes), encoding="utf-8")
        changed.append(name)
    for _, command in blocks(PAGE, "run"):
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=project, check=True)
    return sorted(set(changed))


@pytest.fixture(scope="module")
def contributed(tmp_path_factory: pytest.TempPathFactory) -> Contributed:
    """The examples, and all that the night script found."""
    folder = tmp_path_factory.mktemp("contributed")
    project, home = folder / "mainstay", folder / "try"
    project.mkdir()
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, project / part, ignore=LEFT_OUT)
        else:
            shutil.copyfile(PROJECT / part, project / part)
    changed = _add_examples(project)
    landed = dict([*blocks(ARCHITECTURE, "land"), *blocks(PAGE, "land")])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAINSTAY_")}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(project), str(PROJECT / "tests")]),
        "COLUMNS": "200",
        "MAINSTAY_DUCKDB_THREADS": "2",
    }
    done = subprocess.run(
        [sys.executable, str(NIGHT), str(home), json.dumps(landed)],
        cwd=project, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return Contributed(project, home, json.loads(done.stdout.rpartition("RESULT")[2]), changed)


def _table(kind: str) -> list[tuple[str, ...]]:
    """The rows of a CSV that the page shows, without its header."""
    [(_, text)] = blocks(PAGE, kind)
    return [tuple(row) for row in csv.reader(io.StringIO(text))][1:]


def test_the_dataset_is_landed_loaded_validated_and_staged(contributed: Contributed) -> None:
    [(landed,)] = contributed.query("select detail from ops.steps where run_id = 'tonight' and step = 'land'")
    assert json.loads(landed)["files_by_dataset"]["store_visits"] == 1
    assert contributed.query(
        "select status, rows_in, loaded from ops.files where dataset = 'store_visits'"
    ) == [("loaded", 4, 3)]
    suites = contributed.query(
        "select suite, bool_and(success) from ops.checks where suite like '%store_visits' group by all order by all"
    )
    assert suites == [
        ("land.store_visits", True), ("raw.store_visits", True), ("staging.stg_store_visits", True)
    ]  # fmt: skip
    assert contributed.query("select visit_id, customer_id, minutes from staging.stg_store_visits order by 1") == [
        ("V1", "C42", 25), ("V2", "C43", 14), ("V3", None, 0)
    ]  # fmt: skip
    tested = contributed.query(
        "select status from ops.models where name like 'unique_grain_stg_store_visits%'"
    )
    assert tested == [("pass",)]


def test_the_policy_is_read_refused_by_file_and_line_and_reaches_a_model(contributed: Contributed) -> None:
    rows = contributed.query("select visit_class, lower_bound_minutes from seeds.visit_classes order by 2")
    assert rows == [("short", 0), ("long", 15)]
    [(_, says)] = blocks(PAGE, "policy says")
    refused = contributed.found["policy"]
    assert refused["exit_code"] == 2
    assert says.strip() in " ".join(refused["said"].split())
    assert (contributed.project / "demo" / "policies" / "visit_classes.csv").is_file()


def test_the_mart_is_built_with_its_contract_enforced_and_tested(contributed: Contributed) -> None:
    path = contributed.project / "dbt_project" / "models" / "marts" / "core" / "visit_classes_monthly.yml"
    [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    assert model["config"]["contract"]["enforced"] is True
    assert [column["name"] for column in model["columns"]] == [
        "month", "visit_class", "visit_count", "customer_count"
    ]  # fmt: skip
    assert all(column["description"] for column in model["columns"])
    # The one thing that is wrong: the demo has no visits, so the dictionary has no sample rows of the mart.
    [wrong] = contributed.found["docs"]["said"].splitlines()
    assert wrong.startswith("error: visit_classes_monthly has 0 sample rows")
    docs = contributed.project / "docs"
    pages = [p for p in docs.rglob("*.md") if "data-dictionary" in str(p.relative_to(docs))]
    assert any("visit_classes_monthly" in page.read_text(encoding="utf-8") for page in pages)
    ran = dict(
        contributed.query("select name, status from ops.models where name like '%visit_classes%' order by 1")
    )
    assert {"visit_classes": "success", "visit_classes_monthly": "success"}.items() <= ran.items()
    assert ran["visit_classes_count_every_visit_once"] == "pass"
    assert [
        status for name, status in ran.items() if name.startswith("unique_grain_visit_classes_monthly")
    ] == ["pass"]
    assert contributed.found["unit_tests"] == [["a_visit_of_just_the_bound_is_of_the_longer_class", "pass"]]
    checks = contributed.query(
        "select bool_and(success) from ops.checks where suite = 'marts.visit_classes_monthly'"
    )
    assert checks == [(True,)]


def test_bi_sees_the_mart_as_the_page_shows_it(contributed: Contributed) -> None:
    rows = contributed.query("from visit_classes_monthly order by month, visit_class", served=True)
    assert [tuple(map(str, row)) for row in rows] == _table("mart says")
    assert (contributed.home / "var/serving/parquet/current/visit_classes_monthly.parquet").is_file()
    [(comment,)] = contributed.query(
        "select comment from duckdb_columns() where table_name = 'visit_classes_monthly' and column_name = 'visit_class'",
        served=True,
    )
    assert comment == "Class of the visits, by the policy."


def test_the_row_rule_quarantines_the_bad_row_and_the_accounting_test_finds_one(
    contributed: Contributed,
) -> None:
    [(text, reasons)] = contributed.query("select raw_text, reasons from quarantine.store_visits")
    assert text.startswith("V4,")
    assert ["no visit takes a day or more" in reason for reason in reasons] == [True]
    assert contributed.found["quarantine"]["exit_code"] == 0
    assert "V4" in contributed.found["quarantine"]["said"]
    assert "visit_classes_count_every_visit_once" in contributed.found["bad_row"]


def test_the_step_runs_after_publish_with_its_word_in_dag_command_line_and_ledger(
    contributed: Contributed,
) -> None:
    order = contributed.found["tasks"]
    assert order[0] == "land"
    assert order[-3:] == ["publish", "deliver", "finish"]
    ran = contributed.query("select step, status from ops.steps where run_id = 'tonight' order by sequence")
    assert ran[-2:] == [("publish", "success"), ("deliver", "success")]
    assert contributed.found["deliver"]["exit_code"] == 0
    assert [status for (status,) in contributed.query("select status from ops.steps where step = 'deliver'")] == [
        "success", "success"
    ]  # fmt: skip
    delivered = (contributed.home / "var" / "deliveries" / "visits-2025-03.csv").read_text(encoding="utf-8")
    [(_, shown)] = blocks(PAGE, "mart says")
    assert delivered == shown
    [(status,)] = contributed.query("select status from ops.runs where run_id = 'tonight'")
    assert status == "success"


def test_the_examples_are_as_ruff_wants_them(contributed: Contributed) -> None:
    python = [name for name in contributed.changed if name.endswith(".py")]
    assert len(python) > 3
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [ruff, *command, *python], cwd=contributed.project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_line_that_the_architecture_follows_arrives_as_the_page_says(contributed: Contributed) -> None:
    shown = dict(blocks(ARCHITECTURE, "served"))
    assert sorted(shown) == ["customer_tiers_monthly", "fct_transactions"]
    for mart, text in shown.items():
        expected = yaml.safe_load(text)
        assert len(expected) > 5
        columns = ", ".join(expected)
        [row] = contributed.query(f"select {columns} from {mart}", served=True)
        assert dict(zip(expected, map(_plain, row), strict=True)) == expected, mart


def _plain(value: Any) -> Any:
    """A value as YAML writes it."""
    if value is None or isinstance(value, bool | int | str) or type(value) is date:
        return value
    return str(value)


def test_a_change_whose_place_is_gone_or_not_the_only_one_is_refused() -> None:
    assert edited("a\nb\n\nc\n", " a\n-b\n+B\n\n@@\n c\n+d\n") == "a\nB\n\nc\nd\n"
    for text in ("b\n", "a\na\n"):
        with pytest.raises(AssertionError, match="places for this part"):
            edited(text, " a\n+b\n")


def test_every_example_and_every_target_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## (A \w+)$", text, re.MULTILINE) == [
        "A dataset", "A policy", "A mart", "A check", "A step"
    ]  # fmt: skip
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    told = set(re.findall(r"`make ([a-z-]+)`", text))
    assert {"lint", "test", "test-fast"} <= told <= targets
