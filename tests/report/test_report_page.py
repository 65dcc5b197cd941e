"""The page in a browser: every chart drawn, nothing asked for, no complaint, on a phone too, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import PHONE, chromium, opened
from names_world import HOSTILE
from playwright.sync_api import Browser
from report_world import Tables, serve, shop, tables
from shortening import soak

from pipelines.report import PAGES, write_report
from pipelines.report.vendored import plotly
from pipelines.settings import Settings

FIGURES = {
    *("pyramid", "contribution", "wallet", "calibration_class", "calibration_week"),
    *("survival_gap", "survival_time_to_second_purchase", "survival_lifetime"),
    *("flows", "status", "defections", "win_back", "scores", "causes", "care", "matrix", "drivers"),
    *("schedule", "offers", "ageing", "liability"),
    *("tiers_trend", "moves_trend", "stages_trend", "drivers_trend", "causes_trend", "defections_trend"),
    *("schedule_trend", "wallet_trend"),
}
HEATS = {"migration", "cohorts"}
"""Heat maps, which are tables."""

VALIDATED = """[...document.querySelectorAll('.chart')].flatMap(place => {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    // It fails over the legend of a figure that shows none, and calls unused what a hidden grid has no use for.
    const { legend, ...layout } = figure.layout;
    const found = Plotly.validate(figure.data, layout) || [];
    return found.filter(each => each.code !== 'unused').map(each => [place.dataset.figure, each.msg]);
})"""
"""What plotly.js says of each figure."""

MOST_BYTES = 1_500_000
"""Of a page that goes into a mail and is opened on a phone."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    settings = shop(tmp_path_factory.mktemp("shop"))
    serve(settings, tables())
    return write_report(settings).paths


@pytest.mark.parametrize(
    ("width", "language"), [(PHONE, "zh-CN"), (1200, "en"), soak(PHONE, "en"), soak(1200, "zh-CN")]
)
def test_every_chart_is_drawn_and_nothing_is_wrong_asked_for_or_too_wide(
    browser: Browser, pages: dict[str, Path], language: str, width: int
) -> None:
    with opened(browser, pages[language], width) as seen:
        assert seen.problems == []
        assert seen.requests == []
        marks = seen.marks()
        assert marks.keys() == {f"{name}-figure" for name in FIGURES}
        assert [name for name, count in marks.items() if count == 0] == []
        assert seen.overflow() <= 0
        assert seen.page.get_attribute("html", "lang") == language
        # Misspelt, an option of plotly.js is passed over without a word; asked, it tells.
        assert seen.page.evaluate(VALIDATED) == []
        # Whoever reads with a keyboard, a screen reader or weak eyes reads it too; axe-core's rules, the tables open.
        seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        seen.page.evaluate(AXE_SCRIPT)
        assert (
            seen.page.evaluate(
                "axe.run({exclude: [['.chart']]}).then(found => found.violations.map(v => [v.id, v.nodes[0].html]))"
            )
            == []
        )


def test_a_chart_without_marks_a_request_and_a_complaint_would_be_seen(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["en"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    emptied = re.sub(
        r'(id="pyramid-figure">).*?(</script>)',
        r'\1{"data": [{"type": "bar", "x": [], "y": []}]}\2',
        text,
        flags=re.S,
    )
    wide = '<img src="https://example.invalid/x.png"><div style="width: 3000px">.</div></body>'
    broken.write_text(emptied.replace("</body>", wide), encoding="utf-8")
    with opened(browser, broken) as seen:
        assert seen.marks()["pyramid-figure"] == 0
        assert seen.overflow() > 0
        assert seen.requests == ["https://example.invalid/x.png"]
        # The page's own policy keeps the browser from asking.
        assert any("Content Security Policy" in problem for problem in seen.problems)


def test_hostile_names_are_shown_letter_by_letter_and_customers_are_not_named(
    browser: Browser, pages: dict[str, Path]
) -> None:
    for path in pages.values():
        with opened(browser, path) as seen:
            dialogs: list[str] = []
            seen.page.on("dialog", lambda dialog, heard=dialogs: heard.append(dialog.message))
            labels = seen.page.locator("#pyramid svg .ytick text").all_text_contents()
            assert len(labels) == 4
            assert HOSTILE[:15] in labels[1]
            seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            for chart in ("contribution", "status", "defections", "causes", "matrix", "drivers"):
                assert HOSTILE in seen.page.locator(f"#{chart} table").inner_text(), chart
            assert seen.page.locator("svg b, svg a, body > script + b").count() == 0
            assert dialogs == []
        assert f"{HOSTILE}0" not in path.read_text(encoding="utf-8")


def test_the_pages_lead_to_each_other_and_say_which_night_they_show(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with opened(browser, pages["en"]) as seen:
        for fact in (
            "31 March 2026",
            "1 April 2026, 04:00 UTC",
            "Diamond",
        ):
            assert fact in seen.text()
        foot = seen.page.inner_text("footer")
        for fact in ("manual__1", "20260401T040000_000000Z-manual", f"plotly.js {plotly().version}"):
            assert fact in foot
        seen.page.click("header a[hreflang='zh-CN']")
        assert seen.page.get_attribute("html", "lang") == "zh-CN"
        for fact in ("2026年3月31日", "manual__1", "等级金字塔", "钻石"):
            assert fact in seen.text()
        seen.page.click("header a[hreflang='en']")
        assert seen.page.get_attribute("html", "lang") == "en"


def test_every_chart_has_a_heading_a_sentence_and_a_text_in_its_place(pages: dict[str, Path]) -> None:
    for path in pages.values():
        text = path.read_text(encoding="utf-8")
        for name in FIGURES:
            section = text.split(f'<section id="{name}"')[1].split("</section>")[0]
            assert re.search(r"<h3[^>]*>[^<]{4,}</h3>\s*<p[^>]*>[^<]{15,}</p>", section), name
            assert re.search(r'role="img" aria-label="[^"]{8,}"', section), name
        assert len(path.read_bytes()) < MOST_BYTES


@pytest.mark.parametrize("language", PAGES)
def test_a_first_night_with_empty_marts_gated_models_and_marts_it_does_not_know_says_why(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    settings: Settings = shop(tmp_path)
    content = tables()
    gated = [
        {
            **row,
            "is_published": False,
            "customers": 12,
            "reason": "its own words",
            "reason_code": "few_buyers",
        }
        for row in content["model_fits"]
    ]
    empty: Tables = {name: [] for name in content if name != "share_of_wallet_monthly"}
    serve(settings, {**empty, "model_fits": gated})
    with opened(browser, write_report(settings).paths[language], PHONE) as seen:
        assert (seen.problems, seen.marks()) == ([], {})
        said = {s.get_attribute("id"): s.inner_text() for s in seen.page.query_selector_all("section")}
        assert seen.overflow() <= 0
    nothing = {"en": "There is nothing to show yet.", "zh-CN": "暂无可显示的数据。"}[language]
    for name in ("figures", "pyramid", "contribution", "migration"):
        assert nothing in said[name], name
    # One reason for all charts of a chapter is said once.
    no_feedback = {"en": "No feedback is loaded", "zh-CN": "尚未加载任何反馈"}[language]
    no_points = {"en": "There is no points programme", "zh-CN": "没有积分计划"}[language]
    for chapter, reason in (
        *(("slipping", nothing), ("return", nothing)),
        *(("voice", no_feedback), ("points", no_points)),
    ):
        assert said[chapter].count(reason) == 1
        assert len(said[chapter].splitlines()) == 3  # the question, a line between, the reason
    assert {"en": "Nobody is on the schedule", "zh-CN": "关怀名单上没有人"}[language] in said["schedule"]
    assert {"en": "No list can be measured yet", "zh-CN": "还无法评估"}[language] in said["offers"]
    assert "share_of_wallet_monthly" in said["wallet"]
    for name in ("calibration_class", "calibration_week"):
        assert "BG/NBD" in said[name]
        few = {"en": "only 12 buyers; a fit needs 500", "zh-CN": "只有 12 位买家，拟合需要 500 位"}
        assert few[language] in said[name]


def test_figures_are_the_marts(pages: dict[str, Path]) -> None:
    text = pages["en"].read_text(encoding="utf-8")
    found = {
        name: json.loads(body)["data"]
        for name, body in re.findall(
            r'<script type="application/json" id="(\w+)-figure">(.*?)</script>', text, re.S
        )
    }
    assert found.keys() == FIGURES
    assert found["pyramid"][0]["x"] == [30, 500, 270, 200]  # by rank, then new
    assert found["contribution"][1]["x"] == [0.155, 0.2, 0.4, 0.245]
    # A curve, and the two bounds around it; whoever is in a tier has a band, and the dotted whole has none.
    assert [trace["mode"] for trace in found["survival_lifetime"]] == ["lines"] * 7
    assert (found["survival_gap"][-1]["x"][:2], found["survival_gap"][-1]["y"][:2]) == ([0, 0], [1, 1.0])
    # Forecast less actual: 42.5 + 29 n for 40 + 30 n, of 100 customers; by week, since the twentieth.
    assert found["calibration_class"][0]["y"] == pytest.approx([(2.5 - n) / 100 for n in range(8)])
    assert (found["calibration_week"][0]["x"][0], found["calibration_week"][0]["x"][-1]) == (1, 19)
    assert found["calibration_week"][0]["y"] == pytest.approx([29 / 30 - 1] * 19, abs=1e-5)
    # What was assumed lies below what one of them told.
    assert [len(trace["x"]) for trace in found["wallet"]] == [3, 1]
    assert [trace["y"] for trace in found["wallet_trend"]] == [[0.2, 0.2], pytest.approx([0.4942, 0.4942])]
    assert [trace["y"] for trace in found["moves_trend"]] == [[1, 0], [0, 1], [0, -1]]
    assert [trace["y"] for trace in found["stages_trend"]] == [
        pytest.approx(shares, abs=1e-4) for shares in ([0, 1 / 3], [0, 1 / 3], [1, 1 / 3])
    ]
    assert [trace["y"] for trace in found["causes_trend"]] == [[5, 7], [0, 5]]
    assert [trace["y"][-1] for trace in found["flows"]] == [5, 6, -10]
    assert len(found["flows"][0]["y"]) == 12  # without the first month, in which everyone is new
    assert [trace["x"] for trace in found["status"]][3] == [0, 0, 1.0]  # at risk, by tier
    # What was said and what was inferred; the reason that is not known is in words and in the table.
    assert [trace["x"] for trace in found["defections"]] == [[300.0, 0], [0, 80.0]]
    assert found["win_back"][0]["x"] == [0.5, 0.2]
    assert [trace["y"][-1] for trace in found["scores"] if "markers" in trace["mode"]] == [30.0, 0.75]
    assert [trace["x"] for trace in found["causes"]] == [[60, None, 10], [None, 30, None]]
    assert [trace["x"][0] for trace in found["matrix"]] == [0.25, 0, 0.75, 0]  # of those who were asked
    # Of the tiers with a contact whose day has come: 6 of 9, and 3 of 11.
    assert found["schedule"][0]["x"] == pytest.approx([6 / 9, 3 / 11])
    assert found["ageing"][0]["y"] == [500, 1000, 8500]
    assert found["liability"][0]["y"] == pytest.approx([5000 / 120, 10000 / 120])
    assert found["offers"][0]["x"] == [0.62, 0.6, 0.4, 0.12, 0.1, 0.08]
    assert found["drivers"][0]["x"] == pytest.approx([20, 5])
    heats = {name: heat(text, name) for name in HEATS}
    assert heats["migration"][0] == ["Diamond", "50.0%10", "50.0%10"]
    assert len(heats["cohorts"]) == 24
    assert heats["cohorts"][0][:3] == [
        "Apr 2024",
        "100",
        "40%",
    ]  # the older ones are left out, so none was there first
    assert heats["cohorts"][-1][1:] == ["100", *[""] * 23]  # the newest cohort has its own month alone
    assert found["drivers"][0]["error_x"]["arrayminus"] == pytest.approx([10, 10])


def heat(text: str, name: str) -> list[list[str]]:
    """The rows of a heat map's table, each with its heading."""
    table = text.split(f'<section id="{name}"')[1].split("</table>")[0].split("<tbody>")[1]
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in table.split("</tr>")[:-1]]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in rows]


def test_no_chart_is_split_between_two_sheets_or_wider_than_one(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with opened(browser, pages["en"]) as seen:
        sections = seen.page.evaluate(COVERED)
        assert len(sections) > len(FIGURES)
        # A link that is over two sheets stands on both.
        assert sorted(printed_links(seen.page.pdf(prefer_css_page_size=True))) == sorted(sections)
        seen.page.add_style_tag(content="@media print { section section { break-inside: auto !important } }")
        assert len(printed_links(seen.page.pdf(prefer_css_page_size=True))) > len(sections)
        seen.page.emulate_media(media="print")
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert seen.page.evaluate(WIDEST) <= SHEET
        # One table that is too wide, and the browser prints everything smaller.
        seen.page.set_viewport_size({"width": int(SHEET), "height": 844})
        assert seen.overflow() <= 0
        seen.page.emulate_media(media="screen")
        seen.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert seen.overflow() <= 0


COVERED = """() => [...document.querySelectorAll('section section')].map(section => {
    section.style.position = 'relative';
    const link = document.createElement('a');
    link.href = `https://example.invalid/${section.id}`;
    link.style = 'position: absolute; inset: 0';
    section.append(link);
    return section.id;
})"""
"""Lays a link over each chart with its words."""

WIDEST = (
    "Math.max(...[...document.querySelectorAll('.chart svg')].map(svg => svg.getBoundingClientRect().width))"
)

SHEET = (210 - 2 * 12) / 25.4 * 96
"""Width of A4 between its margins, in CSS pixels."""


def printed_links(pdf: bytes) -> list[str]:
    """The charts by the links over them, once for each sheet that a chart is on."""
    return [name.decode() for name in re.findall(rb"/URI \(https://example\.invalid/(\w+)\)", pdf)]
