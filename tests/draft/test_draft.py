"""`mainstay draft`: a contract from a sample file, and what a load by that contract would make of the sample."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from deployments import Deployment, mainstay, says_one_thing, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shortening import examples

from pipelines.draft import Draft, draft_contract
from pipelines.draft.guess import guess
from pipelines.errors import LandingError
from pipelines.load.plan import PartitionPlan, plan_load

DAY = date(2025, 3, 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return started(tmp_path_factory.mktemp("draft") / "shop", timezone="Asia/Shanghai")


def tried(shop: Deployment, drafted: Draft, sample: bytes, name: str) -> PartitionPlan:
    """What a load of the sample by the drafted contract would give."""
    sources = shop.settings.contracts / "sources"
    for path in sources.glob("*.yaml"):
        path.unlink()
    (sources / "transactions.odcs.yaml").write_text(drafted.text, encoding="utf-8")
    location = yaml.safe_load(drafted.text)["servers"][0]["path"]
    landed = shop.settings.landing / location.replace("{date}", str(DAY)).replace(
        "{date:%Y%m%d}", f"{DAY:%Y%m%d}"
    )
    landed = landed.with_name(name)
    landed.parent.mkdir(parents=True, exist_ok=True)
    for stray in landed.parent.iterdir():
        stray.unlink()
    landed.write_bytes(sample)
    [partition] = plan_load(shop.settings, DAY, DAY).partitions
    return partition


TILL = """小票号;会员号;商品编码;销售时间;数量;实收金额;备注
S0001;C10001;P100;01.03.2025 09:15;2;1.299,90;
S0002;C10002;P200;01.03.2025 10:02;1;59,00;送货
S0003;C10001;P300;01.03.2025 18:40;-1;-59,00;
"""
WEB = """Order No,Line No,Member ID,SKU,Order Date,Qty,Unit Price,E-mail
A-1,1,007,p1,2/28/2025 8:26,6,2.55,a@b.example
A-1,2,007,p2,2/28/2025 8:26,1,1.5,a@b.example
A-2,1,008,p2,1/31/2025 18:00,NULL,2.00,NULL
"""


def test_a_chinese_till_export_is_drafted_and_loads_as_it_is(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "销售_20250301.csv"
    path.write_bytes(TILL.encode("gbk"))
    drafted = draft_contract(path, "transactions")
    contract = yaml.safe_load(drafted.text)
    server = contract["servers"][0]
    written = {p["property"]: p["value"] for p in server["customProperties"]}
    assert (server["path"], server["format"], server["encoding"]) == (
        "transactions/销售_{date:%Y%m%d}.csv", "csv", "gb18030",
    )  # fmt: skip
    assert (written["delimiter"], written["decimalMark"], written["thousandsMark"]) == (";", ",", ".")
    assert written["timestampFormat"] == "%d.%m.%Y %H:%M"
    headers = {p["name"]: p.get("physicalName") for p in contract["schema"][0]["properties"]}
    assert headers == {
        "transaction_id": "小票号",
        "customer_id": "会员号",
        "product_id": "商品编码",
        "transaction_at": "销售时间",
        "quantity": "数量",
        "net_amount": "实收金额",
        "column_1": "备注",
        "line_number": None,
    }
    assert any("each '小票号' has one line" in sentence for sentence in drafted.assumed)
    result = tried(shop, drafted, TILL.encode("gbk"), path.name)
    assert (result.state, result.rows_after, result.quarantined) == ("new", 3, 0), result


def test_an_american_web_shop_has_its_amounts_worked_out(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(WEB.encode("utf-8-sig")))
    drafted = draft_contract(path, "transactions")
    properties = {p["name"]: p for p in yaml.safe_load(drafted.text)["schema"][0]["properties"]}
    assert properties["net_amount"]["transformLogic"] == "quantity * unit_price"
    assert properties["customer_id"]["physicalName"] == "Member ID"
    assert properties["e_mail"]["classification"] == "pii"
    assert "%m/%d/%Y %H:%M" in drafted.text
    assert any("'NULL' stands for no value" in sentence for sentence in drafted.assumed)
    rows = [line for line in WEB.splitlines(keepends=True) if not line.startswith("A-2")]
    result = tried(shop, drafted, gzip.compress("".join(rows).encode("utf-8-sig")), "orders.csv.gz")
    assert (result.state, result.rows_after, result.quarantined) == ("new", 2, 0), result


def test_without_numbers_header_or_one_word_for_nothing_a_line_is_known_by_its_place(
    shop: Deployment, tmp_path: Path
) -> None:
    path = tmp_path / "till.csv"
    path.write_text(
        "Till report\nmember,date,amount\nc1,2025-03-01 09:00:00,1.50\nc1,2025-03-01 09:00:00,NULL\nN/A,2025-02-01 09:00:00,2\n"
    )
    drafted = draft_contract(path, "transactions")
    written = {
        p["property"]: p["value"] for p in yaml.safe_load(drafted.text)["servers"][0]["customProperties"]
    }
    assert written["skipLines"] == 1
    assert sorted(written["nullValues"]) == ["N/A", "NULL"]
    shown = drafted.text.replace("toleratedRejectRate\n  value: 0.01", "toleratedRejectRate\n  value: 1")
    result = tried(shop, Draft("transactions", shown), path.read_bytes(), path.name)
    assert (result.rows_after, result.quarantined) == (1, 2), result
    bare = tmp_path / "bare.csv"
    bare.write_text("S1,c1,2025-03-01 09:00:00,1.50\nS2,c1,2025-03-01 09:00:00,2.50\n")
    drafted = draft_contract(bare, "shop_visits")
    assert "columns" in drafted.text
    assert any("no header" in sentence for sentence in drafted.check)


def test_a_price_without_a_latin_name_is_the_one_that_is_multiplied(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text(
        "小票号,备注,会员号,日期,数量,单价\nr1,送货,客一,2025-03-01 09:00:00,2,1.50\nr2,,客二,2025-03-01 10:00:00,1,4.25\n",
        encoding="utf-8",
    )
    drafted = draft_contract(path, "transactions")
    properties = {p["name"]: p for p in yaml.safe_load(drafted.text)["schema"][0]["properties"]}
    price = next(name for name, p in properties.items() if p.get("physicalName") == "单价")
    assert properties["net_amount"]["transformLogic"] == f"quantity * {price}"
    result = tried(shop, drafted, path.read_bytes(), path.name)
    assert (result.rows_after, result.quarantined) == (2, 0), result


def test_amounts_in_an_accountants_hand_and_a_few_chinese_words(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    rows = ['r1,1,客一,2025-03-01 09:00:00,"￥1,234.50"', "r2,1,客二,2025-03-01 10:00:00,(￥5.00)"]
    path.write_bytes("\n".join(["receipt,line,会员号,日期,金额", *rows]).encode("gbk"))
    drafted = draft_contract(path, "transactions")
    server = yaml.safe_load(drafted.text)["servers"][0]
    written = {p["property"]: p["value"] for p in server["customProperties"]}
    assert server["encoding"] == "gb18030"
    assert (written["currencySign"], written["negativeStyle"]) == ("￥", "parentheses")
    result = tried(shop, drafted, path.read_bytes(), path.name)
    assert (result.rows_after, result.quarantined) == (2, 0), result


def parquet(path: Path) -> None:
    duckdb.sql(
        "select 't1' as transaction_id, 1 as line_number, 'c1' as customer_id, "
        "timestamp '2025-03-01 10:00:00' as transaction_at, 12.5::decimal(9,2) as net_amount"
    ).write_parquet(str(path))


def json_lines(path: Path) -> None:
    row = {
        "receipt": "t1",
        "line_no": 1,
        "client": "c1",
        "sold_at": "2025-03-01T10:00:00+08:00",
        "total": 12.5,
    }
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "line_no": 2, "total": None}) + "\n")


@pytest.mark.parametrize(("write", "rows", "left"), [(parquet, 1, 0), (json_lines, 1, 1)])
def test_other_formats_are_drafted_and_load(
    shop: Deployment, tmp_path: Path, write: Callable[[Path], None], rows: int, left: int
) -> None:
    path = tmp_path / f"sample.{write.__name__}"
    write(path)
    drafted = draft_contract(path, "transactions")
    shown = drafted.text.replace("toleratedRejectRate\n  value: 0.01", "toleratedRejectRate\n  value: 1")
    assert shown != drafted.text
    result = tried(shop, Draft("transactions", shown), path.read_bytes(), path.name)
    assert (result.rows_after, result.quarantined) == (rows, left), result


def test_what_cannot_be_known_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("receipt,member,date\n1,,03/04/2025\n2,c2,05/04/2025\n")
    asked = " ".join(draft_contract(path, "transactions").check)
    assert "transaction_at is read by %d/%m/%Y; the sample fits %m/%d/%Y" in asked
    assert "customer_id is empty in 1 rows, and required" in asked
    assert "no column of the sample looks like net_amount" in asked


def test_a_dataset_of_ones_own_gets_names_and_a_key(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("Shop Name,Gäste,Besuch-Nr\nNord,12,V1\nNord,30,V2\n", encoding="utf-8")
    contract = yaml.safe_load(draft_contract(path, "shop_visits").text)
    properties = {p["name"]: p for p in contract["schema"][0]["properties"]}
    assert list(properties) == ["shop_name", "gste", "besuch_nr"]
    assert properties["gste"]["physicalType"] == "INTEGER"
    assert properties["gste"]["primaryKey"] is True  # the first column without repetition


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"PK\x03\x04" + b"\0" * 40, "is a zip archive; unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40, "old Office file, such as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 40, "is no text, as NUL characters"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is no text, as NUL characters"),
        (b"PAR1 and nothing else", "damaged Parquet"),
        (b"\x1f\x8bbroken", "damaged gzip"),
        (b'{"a": 1}\nno json\n', "line 2 is no JSON object"),
        (b'{"a": 1}\n' + b"[" * 100_000, "line 2 is no JSON object"),
    ],
)
def test_a_file_that_is_no_sample_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    with pytest.raises(LandingError, match=words):
        draft_contract(path, "transactions")


def test_the_command_prints_or_writes_and_never_overwrites(tmp_path: Path) -> None:
    sample, contract = tmp_path / "sample.csv", tmp_path / "new" / "transactions.odcs.yaml"
    sample.write_text(WEB, encoding="utf-8")
    printed = mainstay(None, "draft", str(sample))
    assert printed.exit_code == 0, printed.output
    written = mainstay(None, "draft", str(sample), "--out", str(contract))
    assert written.exit_code == 0, written.output
    assert contract.read_text(encoding="utf-8") == printed.stdout
    for words in ("found", "assumed   net_amount is quantity times 'Unit Price'"):
        assert words in written.output
    says_one_thing(mainstay(None, "draft", str(sample), "--out", str(contract)), 2, "is there already")
    says_one_thing(mainstay(None, "draft", str(tmp_path / "absent.csv")), 3, "cannot be read")
    says_one_thing(mainstay(None, "draft", str(sample), "--dataset", "a b"), 2, "no name for a dataset")


def test_a_file_of_odd_name_and_header_makes_a_contract_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\nevil: true\x1b[2J\u2028b\udcff.csv"
    path.write_text(
        "receipt\x1b[31m,\u202edate,\u200bamount,a: &b\n1,2025-03-01,2.50,x\n2,2025-03-01,3.50,y\n", "utf-8"
    )
    printed = mainstay(None, "draft", str(path))
    assert printed.exit_code == 0, printed.output
    assert not set("\x1b\u202e\u200b\u2028") & set(printed.stdout)
    drafted = yaml.safe_load(printed.stdout)
    assert "evil" not in drafted
    headers = {p.get("physicalName") for p in drafted["schema"][0]["properties"]}
    assert {"\u202edate", "\u200bamount", "a: &b"} <= headers


def test_a_parquet_file_called_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    for name, column in (("a1.parquet", "wrong"), ("a[12].parquet", "right")):
        with duckdb.connect() as connection:
            target = tmp_path / name
            connection.execute(f"copy (select 1 as {column}) to '{target}' (format parquet)")
    drafted = draft_contract(tmp_path / "a[12].parquet", "own_thing")
    assert [p["name"] for p in yaml.safe_load(drafted.text)["schema"][0]["properties"]] == ["right"]


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2025, 2, 28)).map(lambda m: m.replace(microsecond=0))  # noqa: DTZ001


@st.composite
def exports(draw: st.DrawFn) -> tuple[str, str, list[list[str]]]:
    """A delimiter, an encoding, and rows as one source would write them."""
    day = draw(st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y年%m月%d日"]))
    decimal, thousands = draw(st.sampled_from([(".", ""), (",", "."), (".", ",")]))
    delimiter = draw(st.sampled_from([";", "\t", "|"]))

    def amount(cents: int) -> str:
        text = f"{cents / 100:,.2f}"
        return text.replace(",", "t").replace(".", decimal).replace("t", thousands)

    rows: list[list[str]] = [["receipt", "line", "member", "date", "amount"]]
    for number, (when, cents) in enumerate(
        draw(st.lists(st.tuples(MOMENTS, st.integers(-(10**7), 10**7)), min_size=5, max_size=12))
    ):
        rows.append([f"r{number}", "1", f"客{number}", when.strftime(f"{day} %H:%M:%S"), amount(cents)])
    return delimiter, draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), rows


@pytest.mark.search
@settings(
    max_examples=examples(6, 12),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(exports())
def test_whatever_one_hand_wrote_loads_by_its_draft(
    shop: Deployment, tmp_path: Path, export: tuple[str, str, list[list[str]]]
) -> None:
    delimiter, encoding, rows = export
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path = tmp_path / "sample.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    drafted = draft_contract(path, "transactions")
    result = tried(shop, drafted, path.read_bytes(), path.name)
    assert (result.state, result.rows_after, result.quarantined) == ("new", len(rows) - 1, 0), (
        result,
        drafted.text,
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "20"], "INTEGER"),
        (["1", "2000000000"], "BIGINT"),
        (["007", "8"], "VARCHAR"),
        (["1.5", "2"], "DECIMAL(18,2)"),
        (["1,234.5678", "2"], "DECIMAL(18,4)"),
        (["1.234,5"], "DECIMAL(18,2)"),
        (["12345678901234567890"], "VARCHAR"),
        (["20250301", "20241231"], "DATE"),
        (["20250301", "20251331"], "INTEGER"),
        (["true", "FALSE"], "BOOLEAN"),
        (["2025-03-01T10:00:00Z"], "TIMESTAMP"),
        (["２０２５"], "VARCHAR"),
        (["NULL", "NULL"], "VARCHAR"),
        ([], "VARCHAR"),
    ],
)  # fmt: skip
def test_types_are_guessed_from_all_values(values: list[str], expected: str) -> None:
    assert guess(values, len(values)).type == expected


@pytest.mark.parametrize(("scale", "asked"), [(3, False), (2, True)])
def test_a_draft_has_the_decimals_of_the_currency(tmp_path: Path, scale: int, asked: bool) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("transaction_id,customer_id,transaction_at,net_amount\nT1,c1,2025-03-01 10:00:00,1.255\n")
    drafted = draft_contract(path, "transactions", scale)
    properties = {p["name"]: p for p in yaml.safe_load(drafted.text)["schema"][0]["properties"]}
    assert properties["net_amount"]["physicalType"] == f"DECIMAL(18,{scale})"
    assert any(sentence.startswith("net_amount must be DECIMAL(18,2)") for sentence in drafted.check) is asked
