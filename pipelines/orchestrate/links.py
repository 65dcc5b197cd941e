"""Links from tasks to what a person looks at next: the report, the check pages and the dashboards.

A browser follows no link from a web page to a file, so the API server serves the pages itself, to those who may see the
DAGs: `pages.py`. A task stores its links as it ends, good or failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink

from pipelines.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "/mainstay"
"""Where the API server has Mainstay's pages."""


def page_address(name: str) -> str:
    """Address of a page on the API server, without its host: a proxy may have another name for it."""
    from airflow.configuration import conf

    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{base}{PREFIX}/{name}"


class ReportLink(BaseOperatorLink):  # type: ignore[misc]  # Airflow's packages are not followed
    """To the report of the published night."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page's address."""
        del operator, ti_key
        return page_address("report.html")


class ChecksLink(BaseOperatorLink):  # type: ignore[misc]  # Airflow's packages are not followed
    """To what was checked and what failed."""

    name = "Checks"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page's address."""
        del operator, ti_key
        return page_address("checks/index.html")


class DashboardsLink(BaseOperatorLink):  # type: ignore[misc]  # Airflow's packages are not followed
    """To the dashboards; without `bi_url` it is empty, and the web UI shows no button."""

    name = "Dashboards"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The setting `bi_url`."""
        del operator, ti_key
        return load_settings().bi_url or ""


REPORT, CHECKS, DASHBOARDS = ReportLink(), ChecksLink(), DashboardsLink()


def with_links(task: Any, links: Iterable[BaseOperatorLink]) -> Any:
    """A task, called in a DAG, with buttons to these pages."""
    task.operator.operator_extra_links = tuple(links)
    return task
