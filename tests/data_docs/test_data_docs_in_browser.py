"""The pages in Chromium without a network: nothing asked for, no complaint, readable with a keyboard and a screen reader."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from checked_world import stopped

from pipelines.data_docs import write_data_docs
from tests.report.browser import PHONE, chromium, opened


def test_both_pages_are_readable_offline_on_a_phone_and_on_paper(tmp_path: Path) -> None:
    paths = write_data_docs(stopped(tmp_path))
    with chromium() as browser:
        for language, path in paths.items():
            for width in (PHONE, 1200):
                with opened(browser, path, width) as seen:
                    assert seen.problems == []
                    assert seen.requests == []
                    assert seen.overflow() <= 0
                    assert seen.page.get_attribute("html", "lang") == language
                    seen.page.evaluate(
                        "document.querySelectorAll('details').forEach(d => { d.open = true; })"
                    )
                    seen.page.evaluate(AXE_SCRIPT)
                    found = seen.page.evaluate(
                        "axe.run().then(found => found.violations.map(v => [v.id, v.nodes[0].html]))"
                    )
                    assert found == [], (language, width)
        with opened(browser, paths["en"]) as seen:
            # From a night's cell to what failed in it, which the browser opens, and to the other language and back.
            seen.page.click("a[href='#night-2'] >> nth=0")
            assert seen.page.evaluate("location.hash") == "#night-2"
            seen.page.click("header a[hreflang='zh-CN']")
            assert "失败与警告" in seen.text()
            seen.page.click("header a[hreflang='en']")
            assert "What failed, and what warns" in seen.text()
            printed = seen.page.pdf(format="A4")
            assert printed.startswith(b"%PDF")
