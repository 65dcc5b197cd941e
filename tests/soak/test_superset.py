"""The real Superset: `mainstay bi` installs and starts it, and every chart of every dashboard shows something.

On a served file of the demo: `SERVED_DEMO=var/serving` where one is there already; else the demo is built, which takes minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from playwright.sync_api import Page, Response

from pipelines.bi.assets import ASSETS
from pipelines.settings import PROJECT_DIR
from tests.report.browser import chromium

pytestmark = pytest.mark.soak

PATIENCE_SECONDS = 900
MAINSTAY = (sys.executable, "-c", "from pipelines.cli import app; app()")
PAGES = sorted(path.stem for path in (ASSETS / "dashboards").glob("*.yaml"))
# A dashboard's chart is drawn, or says why it is not.
EMPTY = re.compile(r"No results|No data|Unexpected error|An error occurred|Data error|\bNaN\b")


class Running:
    """A `mainstay bi` and what it has said."""

    def __init__(self, var: Path, *arguments: str) -> None:
        self.said = var / "said.txt"
        env = os.environ | {"MAINSTAY_VAR_DIR": str(var), "PYTHONUNBUFFERED": "1"}
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                [*MAINSTAY, "bi", *arguments],
                cwd=PROJECT_DIR,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "are ready" not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.5)

    def text(self) -> str:
        return self.said.read_text()

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.text())
        assert match, self.text()
        return match[1]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    var = tmp_path_factory.mktemp("bi") / "var"
    if served := os.environ.get("SERVED_DEMO"):
        shutil.copytree(served, var / "serving")
    else:
        env = os.environ | {"MAINSTAY_VAR_DIR": str(var)}
        for command in ("demo", "nightly"):
            subprocess.run([*MAINSTAY, command], cwd=PROJECT_DIR, env=env, check=True)
    return var


@pytest.fixture(scope="module")
def superset(var: Path) -> Iterator[Running]:
    running = Running(var)
    yield running
    assert running.end() == 0
    assert "Ending Superset" in running.text()


@pytest.fixture(scope="module")
def page(superset: Running) -> Iterator[Page]:
    """A window of somebody who has logged in."""
    address = superset.found(r"(http://[\d.]+:\d+)/")
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 1000}, base_url=address).new_page()
        page.set_default_timeout(120_000)
        page.goto("/login/")
        page.fill("#username", "admin")
        page.fill("#password", superset.found(r"printed this once: (\S+)"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/superset/welcome/**")
        yield page


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_of_a_dashboard_shows_something(name: str, page: Page, tmp_path: Path) -> None:
    dashboard = yaml.safe_load((ASSETS / "dashboards" / f"{name}.yaml").read_text(encoding="utf-8"))
    places = dashboard["position"].values()
    titles = [p["meta"]["sliceName"] for p in places if isinstance(p, dict) and p["type"] == "CHART"]
    answers: list[dict[str, Any]] = []
    problems: list[str] = []

    def heard(response: Response) -> None:
        if "/api/v1/chart/data" in response.url:
            if response.status >= 400:
                problems.append(f"{response.status}: {response.text()[:300]}")
            else:
                answers.extend(response.json()["result"])

    page.on("response", heard)
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(f"/superset/dashboard/{dashboard['slug']}/?standalone=1")
    holders = page.locator(".dashboard-component-chart-holder")
    holders.first.wait_for()
    # Charts are drawn as they come into sight.
    height = page.evaluate("document.querySelector('.grid-container').scrollHeight")
    page.set_viewport_size({"width": 1400, "height": int(height) + 200})
    deadline = time.monotonic() + 120
    while len(answers) < len(titles) and not problems and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    page.locator("[data-test=loading-indicator], .loading").first.wait_for(state="hidden")
    page.wait_for_timeout(1500)
    page.remove_listener("response", heard)
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert not problems
    assert len(answers) >= len(titles), "a chart asked for nothing"
    assert all(answer["rowcount"] for answer in answers), [a["query"] for a in answers if not a["rowcount"]]
    for title in titles:
        header = page.locator("[data-test=slice-header]").get_by_text(title, exact=True)
        holder = holders.filter(has=header)
        assert holder.count() == 1, title
        assert not (said := EMPTY.search(holder.inner_text().replace(title, ""))), (title, said)
        shown = holder.locator("canvas, table, .header-line, .subheader-line, [class*=header-line]")
        assert shown.count() >= 1, f"{title}: nothing is drawn (see {tmp_path})"


def test_it_is_guarded(page: Page) -> None:
    answer = page.context.request.get("/superset/welcome/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy, "no address but its own"
    refused = page.context.request.post("/api/v1/database/", data={"database_name": "x"})
    assert refused.status == 400
    assert "CSRF" in refused.text()


def test_a_new_night_shows_when_the_page_is_loaded_anew(page: Page, var: Path) -> None:
    serving, version = var / "serving", "20990101T000000_000000Z-the-next-night"
    folder = serving / "versions" / version
    folder.mkdir()
    shutil.copyfile(serving / "marts.duckdb", folder / "marts.duckdb")
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        connection.execute("update _publish set run_id = 'the-next-night', version = ?", [version])
    (serving / ".swap").hardlink_to(folder / "marts.duckdb")
    (serving / ".swap").replace(serving / "marts.duckdb")
    page.goto("/superset/dashboard/mainstay-quality/?standalone=1")
    page.get_by_text(version).first.wait_for()


def test_a_second_start_is_ready_without_preparing_and_keeps_the_password(
    var: Path, superset: Running
) -> None:
    """Last in the file: it ends the first one."""
    assert superset.end() == 0
    again = Running(var)
    try:
        assert "Preparing" not in again.text()
        assert "Installing" not in again.text()
        assert "printed this once" not in again.text()
    finally:
        assert again.end() == 0
