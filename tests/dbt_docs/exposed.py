"""What pages and dashboards read, from their own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from pipelines.contracts import mart_contracts
from pipelines.report.read import QUERIES
from pipelines.settings import PROJECT_DIR

EXPOSURES = PROJECT_DIR / "dbt_project" / "models" / "exposures"
DASHBOARDS = PROJECT_DIR / "deploy" / "superset" / "assets"


def marts_in(sql: str) -> set[str]:
    """The marts that a query reads."""
    tables = sqlglot.parse_one(sql, read="duckdb").find_all(exp.Table)
    return {table.name for table in tables} & mart_contracts().keys()


def report_marts() -> set[str]:
    """The marts that the report reads."""
    return set().union(*(marts_in(sql) for _, sql in QUERIES.values()))


def dashboard_marts(assets: Path = DASHBOARDS) -> dict[str, set[str]]:
    """The marts that each dashboard's charts read, by the name of its file."""
    datasets, charts = _documents(assets / "datasets"), _documents(assets / "charts")
    read = {d["uuid"]: marts_in(d["sql"] or f"select * from {d['table_name']}") for d in datasets.values()}
    of_chart = {chart["uuid"]: read[chart["dataset_uuid"]] for chart in charts.values()}
    return {
        name: set().union(*(of_chart[part["meta"]["uuid"]] for part in _charts_of(dashboard)))
        for name, dashboard in _documents(assets / "dashboards").items()
    }


def _charts_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    parts = dashboard["position"].values()
    return [part for part in parts if isinstance(part, dict) and part["type"] == "CHART"]


def _documents(folder: Path) -> dict[str, Any]:
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.yaml"))
    }


def exposed() -> dict[str, set[str]]:
    """The models that each exposure says it depends on, by its name."""
    found = {}
    for path in sorted(EXPOSURES.glob("*.yml")):
        for exposure in yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]:
            found[exposure["name"]] = {
                on.removeprefix("ref('").removesuffix("')") for on in exposure["depends_on"]
            }
    return found
