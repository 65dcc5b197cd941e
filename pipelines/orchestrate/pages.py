"""Mainstay's pages in Airflow's web UI: the report and the check pages, read-only, for those who may see the DAGs.

Airflow loads this through the folder `airflow_config/plugins` in each of its processes, so what serves the pages is
imported with the first request.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from pipelines.orchestrate import warming
from pipelines.orchestrate.links import PREFIX, page_address
from pipelines.settings import Settings, load_settings

NIGHTLY = "mainstay_nightly"
"""Who may see this DAG may see the pages: they are of its runs."""

HEADERS = {
    # Not of Airflow's origin for the browser: whatever a page's script did, it could not act as who is logged in.
    "Content-Security-Policy": "sandbox allow-scripts allow-popups allow-modals; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def page_file(settings: Settings, name: str) -> Path | None:
    """The file of a page by its address; None where there is none, or it is none of the pages."""
    if name in ("report.html", "report.zh-CN.html"):
        path = settings.serving / name
        return path if path.is_file() else None
    top, _, rest = name.partition("/")
    if top != "checks":
        return None
    folder = settings.docs.resolve()
    path = (folder / rest).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application that is mounted below `/mainstay`."""
    await _app()(scope, receive, send)


@cache
def _app() -> Any:
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import FileResponse

    app = FastAPI(title="Mainstay's pages", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/{name:path}", dependencies=[Depends(requires_access_dag("GET", param_dag_id=NIGHTLY))])
    def page(name: str) -> FileResponse:
        path = page_file(load_settings(), name)
        if path is None:
            raise HTTPException(
                404,
                "There is no such page yet: the report is written with each published night, the check pages at each run's end.",
            )
        return FileResponse(path, headers=HEADERS)

    return app


def _menu() -> list[dict[str, str]]:
    """Entries of the web UI's menu; without a route of their own they open the page itself."""
    entries = {"Report": page_address("report.html"), "Checks": page_address("checks/index.html")}
    if bi_url := load_settings().bi_url:
        entries["Dashboards"] = bi_url
    return [
        {"name": f"Mainstay: {name}", "href": href, "destination": "nav", "category": "browse"}
        for name, href in entries.items()
    ]


class MainstayPlugin(AirflowPlugin):  # type: ignore[misc]  # Airflow's packages are not followed
    """The pages, the ways to them in the menu, and what the scheduler imports for its tasks."""

    name = "mainstay"
    # Elsewhere a listener would be in the way: Airflow refuses some sensors where there is any.
    listeners = [warming] if warming.is_scheduler() else []
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Mainstay's pages"}]  # noqa: RUF012
    external_views: list[dict[str, str]] = []  # noqa: RUF012

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Airflow calls this once the plugin is loaded; wrong settings show as its import error."""
        del args, kwargs
        cls.external_views = _menu()
