"""Text of the data in terminals, spreadsheets and pages: it is read there, and nothing of it is obeyed."""

from __future__ import annotations

import csv
import json
import re
import stat
import time
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from deployments import mainstay
from loading_world import DAY, GOOD, World

from pipelines.cli.console import harmless_json
from pipelines.data_docs import PAGES
from pipelines.settings import Settings
from pipelines.showing import (
    cut,
    for_spreadsheet,
    on_one_line,
    shown,
    visible,
    without_addresses,
    without_values,
)
from pipelines.steps.validate import record_report
from pipelines.validate import ValidationReport
from pipelines.validate.evaluate import evaluate
from pipelines.validate.rules import Check, query, unique_key
from pipelines.validate.suites import Suite
from pipelines.warehouse.ledger import start_run

ESCAPES = "\x1b]0;mine\x07\x1b[2J\u202e\u200b\x9b1m"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`&lt;img src=x onerror=alert(3)&gt; $x ${y} [z](x)"


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("foreign")).setting(toleratedRejectRate=1)
    sale = GOOD.format(9).replace("9.99", "much")
    world.rows(
        GOOD.format(1),
        sale.replace("t9", f"t2{ESCAPES}"),
        sale.replace("t9", '"=HYPERLINK(""http://x"")"').replace("much", f"much{ESCAPES}"),
        sale.replace("hello", "a;=1+1;-5.00"),
        name=f"sales{ESCAPES}.csv",
    )
    world.load()
    return world


@pytest.mark.parametrize("command", [["show", "transactions"], ["list"], ["show", "transactions", "--json"]])
def test_a_terminal_obeys_nothing_of_the_data(rejected: World, command: list[str]) -> None:
    result = mainstay(rejected.home, "quarantine", *command, MAINSTAY_TIMEZONE="UTC")
    assert result.exit_code == 0, result.output
    for character in "\x1b\x07\x9b\u202e\u200b":
        assert character not in result.output, repr(character)
    if command[0] == "show":
        assert "\\x9b1m" in result.output or "\\u009b1m" in result.output
    if "--json" in command:
        assert any(ESCAPES in row["raw_text"] for row in json.loads(result.stdout))


def test_refusals_and_status_are_as_harmless(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.land(f"a{ESCAPES},b\n1,2\n", DAY, f"sales{ESCAPES}.csv")
    said = [mainstay(tmp_path, *c).output for c in (("land", DAY), ("load", DAY), ("status",), ("doctor",))]
    assert "found no such header but the line 'a\\x1b" in said[0].replace("\n", "")
    assert not set("\x1b\x07\x9b\u202e\u200b") & set("".join(said))


def test_an_export_runs_in_no_spreadsheet_and_is_for_its_owner_alone(rejected: World, tmp_path: Path) -> None:
    target = tmp_path / "rejects.csv"
    result = mainstay(rejected.home, "quarantine", "export", "transactions", str(target))
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with target.open(encoding="utf-8", newline="") as stream:
        texts = [row["raw_text"] for row in csv.DictReader(stream)]
    assert texts[2].endswith("a;'=1+1;-5.00")
    assert mainstay(rejected.home, "quarantine", "export", "transactions", str(target)).exit_code == 2


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+49 170 555", "'+49 170 555"), ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t'=1"), ("\r=1", "'\r'=1"), ("＝1", "'＝1"), (" =1", "' =1"),
        ("\ufeff=1", "'\ufeff=1"), ("'=1", "''=1"), ("a\n=1", "a\n'=1"), ("a;+b", "a;'+b"), ("－5", "'－5"),
        ("-5.00", "-5.00"), ("+5", "+5"), ("-1.234,50", "-1.234,50"), ("1e-5", "1e-5"), ("a=1", "a=1"), ("", ""),
    ],
)  # fmt: skip
def test_cells_are_neutral_numbers_stay_and_the_text_can_be_had_again(text: str, cell: str) -> None:
    assert for_spreadsheet(text) == cell
    assert re.sub(r"(^|[;\t\r\n])'", r"\1", cell) == text


def test_a_telephone_number_is_text_and_a_name_stays_on_its_line() -> None:
    assert for_spreadsheet("+8613800000000", keep_numbers=False) == "'+8613800000000"
    assert for_spreadsheet("-5", keep_numbers=False) == "'-5"
    assert on_one_line(" Ann\r\n=1\t\u202eLee\u2028\x00 ") == "Ann =1 Lee"
    assert on_one_line("王\u3000芳 👩\u200d👧") == "王 芳 👩\u200d👧"


class _Active(HTMLParser):
    """Collects what a browser would run of the planted markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if "alert(" in (value or "")]
        self.found += [tag] if tag in ("script", "img") else []


def test_nothing_in_data_docs_is_markup_and_no_address_is_in_results(tmp_path: Path) -> None:
    def check(column: str, type_: str, **kwargs: object) -> Check:
        return Check(type_, {"column": column, **kwargs}, column, description=MARKUP)

    checks = (
        check("name", "expect_column_values_to_be_in_set", value_set=["a", MARKUP + "!"]),
        check("name", "expect_column_distinct_values_to_equal_set", value_set=["a", MARKUP + "!"]),
        check("name", "expect_column_most_common_value_to_be_in_set", value_set=["a"]),
        check("mail", "expect_column_values_to_be_in_set", value_set=["a"]),
        check("mail", "expect_column_values_to_not_match_regex", regex="@"),
        check("mail", "expect_column_distinct_values_to_be_in_set", value_set=["a"]),
        check("number", "expect_column_values_to_be_between", max_value=17),
        unique_key(["name", "mail"], "here"),
        query("expect_query_to_return_no_rows", "select name, mail from <batch>", description=MARKUP),
        query("expect_query_to_return_no_rows", "select cast(name as int) from <batch>"),
        query("expect_query_to_return_no_rows", "select cast(mail as int) from <batch>"),
    )
    connection = duckdb.connect()
    connection.execute("create table planted as select ? as name, 'zq@example.org' as mail", [MARKUP])
    connection.execute(
        "create temp view batch_canary__planted as select name, mail, i as number from planted, range(20) as t(i)"
    )
    outcome = evaluate(connection, [Suite("canary.planted", "", checks)])
    assert not any(r.success for r in outcome)
    assert outcome[3].observed == outcome[4].observed == "20 of 20 rows"
    assert outcome[6].detail is not None
    assert "[18, 19]" in outcome[6].detail
    assert "zq@" not in str(outcome)
    settings = Settings(home=tmp_path)
    start_run(settings, f"run {MARKUP}", "nightly", date(2024, 3, 1))
    record_report(settings, f"run {MARKUP}", ValidationReport("raw", f"run {MARKUP}", outcome))
    for name in PAGES.values():
        text = (settings.docs / name).read_text("utf-8")
        parser = _Active()
        parser.feed(text)
        assert not parser.found
        assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    for path in settings.var.rglob("*"):
        assert not path.is_file() or b"zq@" not in path.read_bytes(), path


def test_json_is_the_same_with_what_cannot_be_seen_written_out() -> None:
    value = "门店 \x1b\x9b\xad\u180e\u202e\u2066\ufff9\U000e0041\ud800 é😀"
    said = harmless_json(json.dumps([value], ensure_ascii=False, indent=2))
    assert json.loads(said) == [value]
    assert said.replace("\n", "").isprintable()
    assert "门店" in said


def test_what_is_shown_of_a_value() -> None:
    assert shown("a\x1b\u202e\ud800\xa0b") == r"'a\x1b\u202e\ud800\xa0b'"
    assert shown("x" * 99) == f"'{'x' * 60}…'"
    assert shown("Anna", is_personal=True) == "'…'"
    assert visible("会员\u3000卡\n", keep="\n\u3000") == "会员\u3000卡\n"
    assert cut("ab", 2) == "ab"
    assert "zq" not in shown("x" * 50 + " zq." + "q" * 50 + "@example.org")
    before = time.monotonic()
    assert shown("x" * 1_000_000) == f"'{'x' * 60}…'"
    assert len(without_addresses("x" * 300_000)) == 300_000
    assert time.monotonic() - before < 10  # seconds; it took hours
    assert without_addresses("to a.b+c@x.example, and 会员＠例.中国") == "to …@…, and …@…"


@pytest.mark.parametrize(
    "said",
    [
        "Conversion Error: Could not convert string 'Anna\nMeier' to INT32",
        'Invalid Input Error: Malformed JSON at byte 1. Input: "{Anna"',
        'Constraint Error: duplicate key "Anna"',
        "Runtime Error in model m (m.sql)\n  Conversion Error: 'Anna compiled code at Anna'\n\n  LINE 1: Anna",
        "(duckdb.ConversionException) Conversion Error: date field value out of range: \"Anna\"\n[SQL: select 'Anna']",
    ],
)
def test_what_the_database_says_of_values_is_left_out(said: str) -> None:
    assert "Anna" not in without_values(said)
    assert "Error (what it says may hold values" in without_values(said)


def test_what_it_says_of_anything_else_stays() -> None:
    for text in ("IO Error: No space left on device", "Binder Error: Referenced column 'x' not found"):
        assert without_values(text) == text
    model = "Conversion Error: 'Anna'\n  compiled code at target/m.sql"
    assert without_values(model).endswith("not shown)\n  compiled code at target/m.sql")
