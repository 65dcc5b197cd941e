"""Each page is in its own language: numbers and dates too, and on the Chinese one no word of English but names."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from names_world import HOSTILE
from report_world import serve, shop, tables

from pipelines.contracts import mart_contracts, source_contracts
from pipelines.publish import current
from pipelines.report.axes import plain, short
from pipelines.report.page import render
from pipelines.report.quality import Quality
from pipelines.report.read import Night, read_night
from pipelines.report.texts import Texts, words
from pipelines.settings import Settings
from pipelines.validate.suites import STAGES

NAMES = {
    *("Mainstay", "plotly", "js", "JavaScript", "UTC", "CNY", "NPS", "CSAT", "NDCG"),
    *("BG", "MBG", "NBD", "Pareto", "Gamma", "alive"),
}
"""Names of programs, units, measures and models, which Chinese writes as they are."""

AS_WRITTEN = (
    r"\w+\.csv|mainstay (care|report|doctor)|silent_per_complaint|reached_per_unhappy|/srv/\S+|on-host|run-7"
)
"""Files, commands and settings, which have to be typed as they stand; what the tests themselves name."""

KINDS = (
    "nightly",
    "history",
    "backfill",
    "land",
    "load",
    "validate",
    "stage",
    "build",
    "fit",
    "publish",
    "forget",
)
STATUSES = ("running", "success", "failed", "killed", "published")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Night:
    settings = shop(tmp_path_factory.mktemp("shop"))
    serve(settings, tables())
    published = current(settings)
    assert published is not None
    return read_night(settings, published)


@pytest.fixture(scope="module")
def quality() -> Quality:
    """A ledger with each stage, kind of run and status."""
    rows = dict.fromkeys(("rows_in", "loaded", "quarantined", "not_ours", "duplicates"), 1_234_567)
    runs = [*((kind, "success") for kind in KINDS), *(("load", status) for status in STATUSES)]
    return Quality(
        checks=[{"stage": stage, "checks": 5, "failed": 0, "warned": 1} for stage in STAGES],
        datasets=[
            {"dataset": name, "last_date": date(2026, 3, 31), "days_behind": 3, "is_stale": True, **rows}
            for name in source_contracts(Settings())
        ],
        runs=[
            {"started_at": datetime(2026, 4, 1, 4, tzinfo=UTC), "kind": k, "status": s, **rows}
            for k, s in runs
        ],
        simulated=["feedback", "wallet surveys", "contacts", "unit costs", "staff", "redemptions"],
    )


def page(night: Night, quality: Quality, language: str = "zh-CN") -> str:
    return render(night, quality, Texts(language), key="k", other_page="report.html")


class _Read(HTMLParser):
    """What a page says: texts, labels for screen readers, figures; not what is marked as another language or as code."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.open: list[bool] = []
        """For each element that is open, whether it is passed over."""
        self.is_figure = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.is_figure = given.get("type") == "application/json"
        passed = (
            tag in ("script", "style") or "code" in (given.get("class") or "") or given.get("lang") == "en"
        )
        if tag not in ("meta", "link", "br"):
            self.open.append(passed)
        self.said += [given[name] or "" for name in ("aria-label", "title", "alt") if name in given]

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.is_figure and self.open[-1]:
            self.said += texts_of(json.loads(data))
            self.is_figure = False
        elif not any(self.open):
            self.said.append(data)


def texts_of(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a figure that a reader sees."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from texts_of(
                item, name if name in ("name", "text", "ticktext", "customdata", "title") else ""
            )
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item, key)
    elif isinstance(value, str) and key:
        yield html.unescape(re.sub(r"</?(b|br)>", " ", value))


def latin(text: str) -> list[str]:
    """Words in Latin letters that are no name of data, measures, programs, or of the shop's own."""
    reader = _Read()
    reader.feed(text)
    known = NAMES | {*mart_contracts(), *source_contracts(Settings())}
    found = []
    for said in reader.said:
        for own in (
            HOSTILE,
            html.unescape(plain(HOSTILE)),
            html.unescape(short(HOSTILE)),
            html.unescape(short(HOSTILE, 32)),
        ):
            said = said.replace(own, "")
        found += [
            word for word in re.findall(r"[A-Za-z]\w+", re.sub(AS_WRITTEN, "", said)) if word not in known
        ]
    return found


def test_the_chinese_page_has_no_word_of_english(usual: Night, quality: Quality) -> None:
    assert latin(page(usual, quality)) == []


@pytest.mark.parametrize(
    ("problem", "names"),
    [
        ("no_warehouse", {"path": "/srv/var/mainstay.duckdb"}),
        ("locked", {"pid": 7, "host": "on-host", "step": "-", "run_id": "run-7"}),
        ("unreadable", {}),
    ],
)
def test_nor_has_it_one_where_nothing_can_be_shown(
    usual: Night, problem: str, names: dict[str, object]
) -> None:
    fits = [
        {**row, "is_published": False, "reason": "own words", "reason_code": code}
        for row, code in zip(usual.rows["fits"] or [], ("few_days", "failed", None), strict=False)
    ]
    nothing: list[dict[str, Any]] = []
    for rows in (dict.fromkeys(usual.rows, nothing) | {"fits": fits}, dict.fromkeys(usual.rows)):
        said = page(replace(usual, rows=rows), Quality(problem=problem, names=names))
        assert latin(said) == []


def test_a_word_of_english_would_be_seen(usual: Night, quality: Quality) -> None:
    text = page(usual, replace(quality, checks=[{"stage": "another", "checks": 1, "failed": 0, "warned": 0}]))
    assert latin(text) == ["another"]
    assert latin(text.replace(words("zh-CN")["flows.new"], "Won"))[0] == "Won"
    assert "Diamond" in latin(page(usual, quality, "en"))


def test_large_numbers_are_told_as_each_language_does() -> None:
    english, chinese = Texts("en"), Texts("zh-CN")
    for value, in_english, in_chinese in (
        (None, "–", "–"),
        (0, "0", "0"),
        (9_999, "9,999", "9,999"),
        (12_345, "12,345", "1.23万"),
        (-123_456, "-123,456", "-12.35万"),
        (1_234_567, "1,234,567", "123.5万"),
        (12_345_678, "12.35M", "1235万"),
        (123_456_789, "123.5M", "1.23亿"),
    ):
        assert (english.number(value), chinese.number(value)) == (in_english, in_chinese)


def test_dates_are_told_as_each_language_does() -> None:
    english, chinese, day = Texts("en"), Texts("zh-CN"), date(2017, 12, 31)
    assert (english.day(day), chinese.day(day)) == ("31 December 2017", "2017年12月31日")
    assert (english.month(day), chinese.month(day)) == ("December 2017", "2017年12月")
    assert (english.month_on_axis(day), chinese.month_on_axis(day)) == ("Dec<br>2017", "12月<br>2017年")
    noon = datetime(2017, 12, 31, 12, 5, tzinfo=UTC)
    assert (english.moment(noon), chinese.moment(noon)) == (
        "31 December 2017, 12:05 UTC",
        "2017年12月31日 12:05（UTC）",
    )


def test_no_date_is_told_by_digits_alone(usual: Night, quality: Quality) -> None:
    for language in ("en", "zh-CN"):
        reader = _Read()
        reader.feed(page(usual, quality, language))
        assert [said for said in reader.said if re.search(r"\d{4}-\d\d", said)] == []
