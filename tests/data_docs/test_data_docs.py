"""What the Data Docs say: what was checked, what failed with which values, in both languages, and no more than fits a page."""

from __future__ import annotations

import re
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from checked_world import DAY, FAILED, HOSTILE, PASSED, RUN, checked, quarantine, result, stopped

from pipelines import data_docs
from pipelines.contracts import canonical_contracts, mart_contracts
from pipelines.data_docs import PAGES, data_docs_or_reason, words, write_data_docs
from pipelines.data_docs.read import NIGHTS, SHOWN_NOW, Check
from pipelines.data_docs.texts import Texts
from pipelines.data_docs.write import LIMIT_BYTES
from pipelines.forget.traces import erase_traces
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.steps import close, finish
from pipelines.validate import suites
from pipelines.warehouse.connection import connect


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return stopped(tmp_path_factory.mktemp("checked"))


@pytest.fixture(scope="module")
def pages(settings: Settings) -> dict[str, str]:
    return texts_of(settings)


def texts_of(settings: Settings) -> dict[str, str]:
    return {
        language: re.sub(r"\s+", " ", path.read_text("utf-8"))
        for language, path in write_data_docs(settings).items()
    }


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["2 of 5 checks failed, 1 warn.", "raw.transactions: channel is one of web, store", "3 of 3,800 rows are not so",
                "<td>phone</td>", "transactions.odcs.yaml: column channel", "no two rows share transaction_id, line_number",
                "<td>T0</td> <td>2</td>|<td>T0</td><td>2</td>", "the first 5 rows", "number of rows &lt; 100", "<dd>133</dd>",
                "customer_id is filled in at least 99.00% of the rows", "quantity &gt; 0 and ≤ 9",
                "Mend the file or the contract and load it again", "sums_agree", "publish: the disk is full"]),
        ("zh-CN", ["5 项检查中 2 项失败，1 项警告。", "raw.transactions: channel 为下列之一：web、store", "3,800 行中有 3 行不符",
                   "transactions.odcs.yaml：列 channel", "没有两行的 transaction_id, line_number 相同", "行数 &lt; 100",
                   "至少 99.00% 的行有 customer_id", "修正文件或契约并重新加载", "sums_agree", "已加载的行", "<dd>失败</dd>"]),
    ],
)  # fmt: skip
def test_a_page_says_what_failed_where_with_which_values_and_what_to_do(
    pages: dict[str, str], language: str, said: list[str]
) -> None:
    for text in said:
        assert any(each in pages[language] for each in text.split("|")), text
    assert "T5</td>" not in pages[language]  # of many rows the first few
    assert "/srv/" not in pages[language]


def test_quarantine_is_counted_by_dataset_date_and_reason(pages: dict[str, str]) -> None:
    for language, said in (
        ("en", ["net_amount: … is no DECIMAL(18,2) <", "transaction_at: … is in the future of its file&#39;s date <"]),
        ("zh-CN", ["net_amount：不是 DECIMAL(18,2) <", "transaction_at：晚于文件的日期 <"]),
    ):  # fmt: skip
        section = pages[language].split('<section id="rejects"')[1].split("</section>")[0]
        assert [text for text in said if text not in section] == []
        assert re.search(r"date</?\S*.*?× 8|日期 .*?× 8", section)  # whatever dates the rows had
        assert "<td>39</td>" in section
        assert "7.80%" in section


def test_the_last_nights_stand_beside_each_other(pages: dict[str, str]) -> None:
    matrix = pages["en"].split('<table class="nights">')[1].split("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in matrix.split("<tr>")[2:]]
    assert [row[0] for row in rows] == [str(DAY)] * 3
    assert "✗ 2 ! 1 / 5" in " ".join(rows[0])
    assert "! 1 / 2" in " ".join(rows[1])
    assert [row[-1] for row in rows] == ["failed", "failed", "done"]
    targets = re.findall(r'href="#([^"]+)"', pages["en"])
    assert targets
    assert [t for t in targets if f'id="{t}"' not in pages["en"]] == []


def test_texts_of_the_data_are_no_markup_and_all_can_be_seen(pages: dict[str, str]) -> None:
    for text in pages.values():
        assert "<script" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "\\x1b\\u202e" in text
        assert not {"\x1b", "\u202e"} & set(text)


def test_the_languages_have_the_same_keys_and_different_words() -> None:
    catalogues = [
        yaml.safe_load((Path(data_docs.__file__).parent / "texts" / f"{name}.yaml").read_text("utf-8"))
        for name in PAGES
    ]
    english, chinese = catalogues
    assert english.keys() == chinese.keys()
    for group, texts in english.items():
        if isinstance(texts, dict):
            assert texts.keys() == chinese[group].keys(), group
            for key, text in texts.items():
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[group][key])), key


def test_every_check_of_the_shipped_contracts_has_a_sentence_in_both_languages() -> None:
    sources, marts = canonical_contracts(), mart_contracts()
    plans = [
        *(suites.land_suite(c, "select 1") for c in sources.values()),
        *(suites.raw_suite(c, [DAY]) for c in sources.values()),
        *(suites.staging_suite(c, c, None) for c in sources.values()),
        *(suites.mart_suite(c) for c in marts.values()),
        *suites.serving_suites(marts, sources.values()),
    ]
    checks = [check for plan in plans for check in plan.checks]
    assert len(checks) > 500
    for made in checks:
        detail: dict[str, Any] = {
            "arguments": made.kwargs,
            "rule": made.origin,
            "description": made.description,
        }
        for language in PAGES:
            check = Check("raw", "s", made.type, made.column, None, detail, "error", success=True)
            said = words.expected(check, Texts(language))
            assert said.strip()
            assert not re.search(r"expect_|None|must[A-Z]", said), said
            if language == "zh-CN":
                assert re.search(r"[\u4e00-\u9fff]|[≥≤<>=]", said), said
            assert str(PROJECT_DIR) not in words.rule(check, Texts(language))


def test_every_rule_of_the_shipped_contracts_that_is_put_into_words_has_chinese_ones() -> None:
    contracts = [*canonical_contracts().values(), *mart_contracts().values()]
    rules = [
        rule for c in contracts for rule in (*c.quality, *(r for column in c.columns for r in column.quality))
    ]
    written = {rule.description.strip() for rule in rules if rule.description}
    texts = PROJECT_DIR / "pipelines" / "data_docs" / "texts"
    chinese = yaml.safe_load((texts / "rules.zh-CN.yaml").read_text(encoding="utf-8"))
    assert set(chinese) == written
    assert all(re.search(r"[\u4e00-\u9fff]", words) for words in chinese.values())


def test_every_reason_of_the_loader_has_chinese_words() -> None:
    chinese = Texts("zh-CN")
    for reason, said in {
        "a: … is no DATE by %Y-%m-%d": "a：不是格式为 %Y-%m-%d 的 DATE",
        "a: … is longer than 64": "a：长于 64 个字符",
        "a: … is in an hour that the clocks of Europe/Berlin skip": "a：处于 Europe/Berlin 的时钟跳过的一小时",
        "3 fields instead of 4": "应有 4 个字段，实有 3 个",
        "a: … does not fit DECIMAL(18,2)": "a：超出 DECIMAL(18,2) 的范围或精度",
        "visit_ends: no visit takes a day": "visit_ends: no visit takes a day",
    }.items():
        assert chinese.reason(reason) == said
        assert Texts("en").reason(reason) == reason


def test_a_page_stays_small_whatever_a_night_brings_and_says_what_it_left_out(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, contracts_dir=None)
    long = HOSTILE * 8
    rows = [{f"{long[:50]}{m}": long for m in range(13)}] * 6
    many = [
        result("raw.sales", "expect_query_to_return_no_rows", f"column_{n}", long, description=long,
               **({"details": {"unexpected_rows": rows}} if n < SHOWN_NOW else {}))
        for n in range(1_800)
    ]  # fmt: skip
    for n in range(NIGHTS + 1):
        checked(settings, f"run {n}", "failed", *(many if n == NIGHTS else many[:12]), message=long)
    with closing(connect(settings)) as connection:
        for n in range(40):
            quarantine(connection, long, 3, DAY + timedelta(days=n))
    paths = write_data_docs(settings)
    assert all(path.stat().st_size <= LIMIT_BYTES for path in paths.values())
    text = paths["en"].read_text("utf-8")
    shown, listed = text.count("<article"), text.split('<section id="checks"')[1].count("<li>")
    assert 5 < shown < SHOWN_NOW
    assert f"{1_800 - shown} more are not shown; the query" in text
    assert 100 < listed < 1_800
    assert f"Not listed: {1_800 - listed} more." in text
    assert text.split('<table class="nights">')[1].split("</table>")[0].count("<tr>") == NIGHTS + 1
    dates = text.split('<table class="rejects">')[1].split("</table>")[0].count("<tr>") - 1
    assert f"{40 - dates} earlier landing dates are not shown" in text


def test_a_run_that_stopped_otherwise_says_by_what_and_a_sound_one_that_all_passed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, contracts_dir=None)
    assert data_docs_or_reason(settings) is None  # there is no ledger to write it from
    checked(settings, "a", "failed", message="land: sales.csv is cut off")
    assert "Nothing was checked in this run." in texts_of(settings)["en"]
    assert "land: sales.csv is cut off" in texts_of(settings)["zh-CN"]
    checked(settings, "b", "success", *PASSED)
    assert "All 2 checks passed." in texts_of(settings)["en"]
    assert "没有失败，也没有警告。" in texts_of(settings)["zh-CN"]
    checked(settings, "c", "running", *PASSED)
    assert "The run is under way" in texts_of(settings)["en"]


def test_a_folder_that_cannot_be_written_fails_no_night_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path, contracts_dir=None)
    checked(settings, RUN, "running", *FAILED)
    settings.docs.write_text("in the way")
    summary = finish(settings, RUN, DAY, "success")
    assert summary["data_docs"].startswith("not written: ")
    assert str(settings.docs) in summary["data_docs"]
    assert "the Data Docs could not be written" in caplog.text


def test_the_pages_are_the_owners_whole_and_alone_in_their_folder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, contracts_dir=None)
    checked(settings, RUN, "running", *FAILED)
    # What a killed run, and Great Expectations' pages of an older Mainstay, left there.
    for left in ("data_docs/static/x.css", "data_docs/validations/a/b.html", "gx/runs/r/results.json"):
        (settings.var / left).parent.mkdir(parents=True, exist_ok=True)
        (settings.var / left).write_text("old")
    (settings.docs / ".index.html.partial").write_text("cut off")
    close(settings, RUN, "failed")
    assert sorted(path.name for path in settings.docs.iterdir()) == sorted(PAGES.values())
    assert not (settings.var / "gx" / "runs").exists()
    assert stat.S_IMODE(settings.docs.stat().st_mode) == 0o700
    for name in PAGES.values():
        assert stat.S_IMODE((settings.docs / name).stat().st_mode) == 0o600


def test_what_was_taken_away_with_a_person_does_not_come_back(tmp_path: Path) -> None:
    settings = stopped(tmp_path)
    write_data_docs(settings)
    erase_traces(settings)
    assert not settings.docs.exists()
    for text in texts_of(settings).values():
        assert "phone" not in text
        assert "T0</td>" not in text
    assert "3 of 3,800 rows are not so" in texts_of(settings)["en"]
    assert "What was found was removed when a person was erased." in texts_of(settings)["en"]
