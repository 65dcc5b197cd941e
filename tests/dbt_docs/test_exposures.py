"""dbt knows which marts the report and the dashboards read, and the documents know dbt's metrics."""

from __future__ import annotations

import re

import yaml

from pipelines.report.read import QUERIES
from pipelines.settings import PROJECT_DIR
from tests.dbt_docs.exposed import dashboard_marts, exposed, marts_in, report_marts


def test_the_report_is_exposed_with_the_marts_that_its_queries_read() -> None:
    assert report_marts()
    assert exposed()["report"] == report_marts()


def test_the_reports_queries_name_the_marts_that_they_read() -> None:
    assert {name: set(marts) for name, (marts, _) in QUERIES.items()} == {
        name: marts_in(sql) for name, (_, sql) in QUERIES.items()
    }


def test_each_dashboard_is_exposed_with_the_marts_that_its_charts_read() -> None:
    found = {f"dashboard_{name}": marts for name, marts in dashboard_marts().items()}
    assert found
    assert {name: marts for name, marts in exposed().items() if name.startswith("dashboard_")} == found


def test_the_metrics_page_names_every_metric_as_dbt_does() -> None:
    page = (PROJECT_DIR / "docs" / "metrics.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \| (.+) · (.+?) \| (.+) \|$", page, re.MULTILINE)
    files = sorted((PROJECT_DIR / "dbt_project" / "models" / "semantic").glob("*.yml"))
    metrics = [m for path in files for m in yaml.safe_load(path.read_text(encoding="utf-8"))["metrics"]]
    assert len(metrics) > 50
    assert sorted(shown) == sorted(
        (m["name"], m["label"], m["config"]["meta"]["label_zh"], m["description"]) for m in metrics
    )
