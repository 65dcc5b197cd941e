"""dbt knows which marts the report and the dashboards read: what depends on a mart is seen before it is changed."""

from __future__ import annotations

import pytest

from pipelines.report.read import QUERIES
from tests.dbt_docs.exposed import DASHBOARDS, dashboard_marts, exposed, marts_in, report_marts


def test_the_report_is_exposed_with_the_marts_that_its_queries_read() -> None:
    assert report_marts()
    assert exposed()["report"] == report_marts()


def test_the_reports_queries_name_the_marts_that_they_read() -> None:
    assert {name: set(marts) for name, (marts, _) in QUERIES.items()} == {
        name: marts_in(sql) for name, (_, sql) in QUERIES.items()
    }


def test_each_dashboard_is_exposed_with_the_marts_that_its_charts_read() -> None:
    if not DASHBOARDS.is_dir():
        pytest.skip("no dashboards in this checkout")
    found = {f"dashboard_{name}": marts for name, marts in dashboard_marts().items()}
    assert found
    assert {name: marts for name, marts in exposed().items() if name.startswith("dashboard_")} == found
