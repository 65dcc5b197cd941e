"""Headless Chromium for a page: what it drew, said, and asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "chromium"
PHONE = 390
"""Width of a phone in CSS pixels."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Each kind of mark that plotly draws, if it has a shape and not merely an element.
_MARKS = """place => {
    const drawn = [...place.querySelectorAll(
        '.barlayer path, .scatterlayer path.js-line, .scatterlayer path.point')];
    return drawn.filter(mark => {
        const box = mark.getBoundingClientRect();
        return box.width + box.height > 0;
    }).length;
}"""

_TEXT = """() => [document.body.innerText, ...[...document.querySelectorAll('svg text')].map(t => t.textContent)].join('\\n')"""


@dataclass
class Seen:
    """A page as it was opened."""

    page: Page
    problems: list[str] = field(default_factory=list)
    """Console errors and warnings, and errors of scripts."""
    requests: list[str] = field(default_factory=list)
    """Everything that was asked for outside the page's own file."""

    def marks(self) -> dict[str, int]:
        """By chart, how many bars, lines, points and heat maps are drawn."""
        places = self.page.query_selector_all(".chart")
        return {p.get_attribute("data-figure") or "": p.evaluate(_MARKS) for p in places}

    def overflow(self) -> int:
        """How many pixels the page is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def text(self) -> str:
        """What a person reads, charts included."""
        return str(self.page.evaluate(_TEXT))


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; without one the test is skipped, but never in CI."""
    path = shutil.which(CHROMIUM)
    if path is None:
        says = "no chromium on the path; install the package `chromium`"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1200) -> Iterator[Seen]:
    """A page in a window of its own, drawn."""
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
    page = context.new_page()
    seen = Seen(page)

    def heard(message: Any) -> None:
        if message.type in ("error", "warning"):
            seen.problems.append(message.text)

    def asked(request: Any) -> None:
        if request.url != path.as_uri() and not request.url.startswith(("data:", "blob:")):
            seen.requests.append(request.url)

    page.on("console", heard)
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("request", asked)
    page.goto(path.as_uri(), wait_until="load")
    yield seen
    context.close()
