"""What alerts say: texts of both languages, cut at a line, with nothing in them that a service takes for more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.alerts import events
from pipelines.alerts.facts import Outcome, Quarantined, Warned
from pipelines.alerts.message import SEVERITIES, Message
from pipelines.alerts.stale import find_stale
from pipelines.alerts.words import LANGUAGES, catalogue
from pipelines.errors import MainstayError, SettingsError
from pipelines.settings import EVENTS, Settings, load_settings

NAMES = re.compile(r"\{(\w+)\}")
FAILED = Outcome("mainstay_nightly", "r1", "2026-03-01", "load", "<at id=all></at> \x1b[31m[x](http://x)", 4)


def test_both_languages_have_the_same_keys_and_names() -> None:
    english, chinese = (catalogue(language) for language in LANGUAGES)
    assert len(english) > 30
    assert english.keys() == chinese.keys()
    for key, words in english.items():
        assert set(NAMES.findall(words)) == set(NAMES.findall(chinese[key])), key
        assert re.search(r"[\u4e00-\u9fff]", NAMES.sub("", chinese[key])) or not re.search(
            r"[a-z]{3}", NAMES.sub("", words)
        ), key


def test_every_exit_code_has_a_way_on() -> None:
    codes = {1} | {error.exit_code for error in _every(MainstayError)}
    assert len(codes) > 8
    assert {f"hint.{code}" for code in codes} == {key for key in catalogue("en") if key.startswith("hint.")}


def _every(kind: type[MainstayError]) -> list[type[MainstayError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in _every(below))]


def test_every_event_has_a_severity() -> None:
    assert set(EVENTS) | {"test"} == set(SEVERITIES)


@pytest.mark.parametrize(
    ("language", "has", "has_not"), [("en", "What to do", "处理办法"), ("zh-CN", "处理办法", "What to do")]
)
def test_one_language_is_enough_if_that_is_asked_for(language: str, has: str, has_not: str) -> None:
    message = events.failed(Settings(notify_language=language), FAILED)
    assert has in message.body
    assert has_not not in message.body
    assert message.title.startswith("Mainstay: ")


def test_a_run_that_failed_after_publishing_does_not_say_that_bi_has_the_night_before() -> None:
    exporting = replace(FAILED, step="export", exit_code=12, published={"version": "v2"})
    for outcome, kept in ((FAILED, True), (exporting, False)):
        said = str(events.failed(Settings(notify_language="en"), outcome))
        assert ("BI keeps the night before" in said) is kept
        assert ("The night is published" in said) is not kept


def test_what_comes_from_data_is_no_mention_and_no_escape() -> None:
    message = events.failed(Settings(), FAILED)
    assert message.body.startswith("‹at id=all›‹/at› \\x1b[31m")


def test_a_message_names_some_dates_and_counts_the_others() -> None:
    found = [
        Quarantined("feedback", date(2026, 3, day), 1_000, 20, (("score: … is no INTEGER", 20),))
        for day in range(1, 8)
    ]
    message = events.quarantined(Settings(notify_quarantine_rate=0.015), FAILED, found)
    assert (
        "feedback 2026-03-01: 20 of 1,000 rows (2.00%) break the contract.\n  score: … is no INTEGER: 20"
        in message.body
    )
    assert "And 2 more dates." in message.body
    assert "Told above 1.50%" in message.body


def test_checks_that_warn_are_counted_and_named() -> None:
    found = [Warned("marts", "marts.x", None, "expect_metric_to_keep_rule")] * 7
    message = events.warned(Settings(), FAILED, found)
    assert "checks that warn: 7" in message.title
    assert "marts.x: expect_metric_to_keep_rule" in message.body
    assert "And 2 more." in message.body


@pytest.mark.parametrize("in_bytes", [True, False])
@pytest.mark.parametrize("limit", [60, 100, 1_000])
def test_a_long_text_is_cut_at_a_line_and_says_so(limit: int, in_bytes: bool) -> None:
    message = Message("failed", "标题", "\n".join(["一行文字"] * 300), "… cut")
    title, body = message.fitted(0, limit, in_bytes=in_bytes)
    assert title == ""
    assert body.startswith("标题\n一行文字\n")
    assert body.endswith("文字\n… cut")
    assert len(body.encode() if in_bytes else body) <= limit


STALE = [
    # moment, expected date
    ("2026-03-04T08:59:00+08:00", "2026-03-02"),
    ("2026-03-04T09:00:00+08:00", "2026-03-03"),
    ("2026-03-04T01:00:00+00:00", "2026-03-03"),
    ("2026-03-02T12:00:00+08:00", "2026-02-28"),  # the first of March is a Sunday
]


@pytest.mark.parametrize(("now", "expected"), STALE)
def test_the_night_that_is_expected_goes_by_the_local_hour_and_closed_days(
    now: str, expected: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, timezone="Asia/Shanghai", closed_days="sunday")
    found = find_stale(settings, datetime.fromisoformat(now))
    assert found is not None
    assert str(found.expected) == expected
    assert f"mainstay nightly {expected}" in found.in_words()


def test_a_shop_that_is_closed_for_good_is_asked_about_all_the_same(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, closed_days="2020-01-01..2030-01-01")
    assert find_stale(settings, datetime(2026, 3, 4, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("NOTIFY_ON", "failed, sometimes", "sometimes: no such event; use failed, published"),
        ("NOTIFY_URLS", "s3cret", "address 1 is none"),
        ("NOTIFY_URLS", "dingtalk://s3cret s3cret", "address 2 is none"),
        ("NOTIFY_STALE_AFTER", "9", "NOTIFY_STALE_AFTER"),
        (
            "NOTIFY",
            "log",
            "is no setting any more; alerts go to the Apprise addresses in MAINSTAY_NOTIFY_URLS",
        ),
        ("NOTIFY_WEBHOOK_URL", "https://s3cret", "jsons://… for a webhook"),
        ("NOTIFY_EMAIL_TO", "s3cret@example.com", "mailtos://… for mail"),
        ("NOTIFY_SMTP_CONN_ID", "s3cret", "docs/alerts.md"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_wrong_or_old_setting_is_refused_with_the_way_on_and_without_a_secret(
    name: str, value: str, word: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    if place == "file":
        (tmp_path / "mainstay.toml").write_text(f'{name.lower()} = "{value}"\n', "utf-8")
    else:
        monkeypatch.setenv(f"MAINSTAY_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert word in str(caught.value)
    assert f"MAINSTAY_{name}: " in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_nobody_is_told_where_there_is_no_address() -> None:
    assert Settings().told == frozenset()
    assert Settings(notify_urls="json://a").told == {"failed", "stale", "quarantined", "warned"}
    assert Settings(notify_urls="json://a", notify_on="").told == frozenset()
