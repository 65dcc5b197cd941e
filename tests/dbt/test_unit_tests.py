"""dbt's own unit tests, on an empty build; with `--changed`, those of the models that have changed since the last commit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dbt_warehouse import DBT_PROJECT, Warehouse

DAY = "2017-04-30"


@pytest.fixture(scope="module")
def empty(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """All models without a row: the tested models' parents must exist so that dbt knows their types."""
    warehouse = make_warehouse("empty")
    warehouse.build(as_of_date=DAY)
    return warehouse


def changed(*kinds: str) -> set[Path]:
    """Files of the dbt project that differ from the last commit, or are new."""
    said = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all", "--", str(DBT_PROJECT)],
        cwd=DBT_PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = {Path(line[3:].split(" -> ")[-1].strip('"')) for line in said.stdout.splitlines()}
    return {path for path in paths if path.suffix in kinds}


def test_everything_builds_without_any_row(empty: Warehouse) -> None:
    tables = empty.query("select table_name from information_schema.tables where table_schema = 'marts'")
    assert tables
    for (name,) in tables:
        # neither what the policy says nor the calendar needs rows
        expected = name in ("dim_tiers", "dim_dates")
        assert empty.query(f"select count(*) > 0 from marts.{name}") == [(expected,)], name


def test_every_dbt_unit_test_passes(empty: Warehouse, request: pytest.FixtureRequest) -> None:
    selected = ["test_type:unit"]
    if request.config.getoption("--changed"):
        paths = changed(".sql", ".yml", ".csv")
        models = {
            path.stem.removesuffix("_unit_tests").split("__")[0]
            for path in paths
            if "macros" not in path.parts
        }
        if not paths:
            pytest.skip("nothing in the dbt project differs from the last commit")
        if not any("macros" in path.parts or path.name == "dbt_project.yml" for path in paths):
            selected = [f"{name},test_type:unit" for name in sorted(models)]
    result = empty.dbt("test", "--select", *selected, as_of_date=DAY)
    outcomes = {r.node.name: (r.status, r.message) for r in result.result.results}
    assert outcomes or request.config.getoption("--changed")
    assert {name: outcome for name, outcome in outcomes.items() if outcome[0] != "pass"} == {}
