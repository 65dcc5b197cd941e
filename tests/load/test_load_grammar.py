"""Which texts are values: the written grammar of each type, and no spelling that DuckDB alone would take."""

# ruff: noqa: E501, DTZ001 - one case a line reads best; raw holds UTC without a zone
from __future__ import annotations

import csv
import random
import tempfile
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_world import World, counts
from shortening import examples

from pipelines.contracts import Column, Dialect
from pipelines.load.clocks import skipped
from pipelines.load.values import guard_type, in_range, parse, plain_numbers, reads_typed

HEAD = "transaction_id,line_number,customer_id,transaction_at,net_amount,quantity,score,is_gift,sold_on,note"
BAD = ...
TYPES = {
    "net_amount": "DECIMAL(18,2)", "score": "DOUBLE", "line_number": "INTEGER", "is_gift": "BOOLEAN", "sold_on": "DATE",
    "transaction_at": "TIMESTAMP",
}  # fmt: skip


def line(key: str, values: dict[str, str], delimiter: str = ",") -> str:
    good = {"transaction_id": key, "line_number": "1", "customer_id": "c1", "transaction_at": "2017-03-01 10:00:00",
            "net_amount": "9", "quantity": "2", "score": "", "is_gift": "", "sold_on": "", "note": ""}  # fmt: skip
    return delimiter.join('"' + {**good, **values}[name].replace('"', '""') + '"' for name in HEAD.split(","))


def read(world: World, column: str, texts: list[str], *, spoiled: bool) -> list[Any]:
    """What raw holds of each text, BAD where its row was quarantined; each stands in a file of its own for the quick way."""
    rows = [line(f"k{i:03}", {column: text}) for i, text in enumerate(texts)]
    if spoiled:
        world.rows(*rows, "bad", header=HEAD)
    else:
        for i, row in enumerate(rows):
            world.rows(row, header=HEAD, name=f"{i:03}.csv")
    assert counts(world.load())[0] == len(texts) + spoiled
    held = dict(world.raw(f"transaction_id, {column}"))
    return [held.get(f"k{i:03}", BAD) for i in range(len(texts))]


AMOUNTS: list[tuple[dict[str, Any], list[tuple[str, Any]]]] = [
    ({}, [
        ("-", BAD), ("- ", BAD), (" - ", BAD), ("+ ", BAD), ("+", BAD), ("5e ", BAD), ("5e", BAD), ("1e1.", BAD), ("+-5", BAD), ("--5", BAD), ("12_50", BAD),
        ("1_0", BAD), ("0x10", BAD), ("１２", BAD), ("٣", BAD), (".", BAD), ("1 000", BAD), ("1,000", BAD), ("1'000", BAD), ("$5", BAD), ("(5)", BAD), ("5-", BAD),
        ("5 %", BAD), ("1.2.3", BAD), ("\u00a05", BAD), ("NaN", BAD), ("Infinity", BAD), ("- 5", BAD), ("5f", BAD), ("1e3", 1000), (" 7 ", 7), ("+5", 5), ("-5", -5),
        ("007", 7), (".5", Decimal("0.5")), ("5.", 5), ("1E-1", Decimal("0.1")), ("1e+2", 100),
    ]),
    ({"decimalMark": ","}, [
        ("-", BAD), (",", BAD), ("- ", BAD), ("12_50", BAD), ("1_0", BAD), ("1e3", 1000), ("1,5e1", 15), ("5.5", BAD), ("5,5", Decimal("5.5")), ("5,", 5), (",5", Decimal("0.5")), ("+-5", BAD),
    ]),
    ({"decimalMark": ",", "thousandsMark": "."}, [("1.234,50", Decimal("1234.50")), ("1.23,50", BAD), ("1234,50", Decimal("1234.50")), ("1.234", 1234), ("1.2345", BAD), (".234", BAD), ("-1.234.567", -1234567)]),
    ({"decimalMark": ",", "thousandsMark": ".", "negativeStyle": "trailing"}, [("1.234,50-", Decimal("-1234.50")), ("-1,5", Decimal("-1.5")), ("-1,5-", BAD), ("-", BAD), ("1,5", Decimal("1.5")), ("1,5 ", Decimal("1.5")), ("(1)", BAD)]),
    ({"thousandsMark": ",", "negativeStyle": "parentheses", "currencySign": "$"}, [
        ("(1,234.50)", Decimal("-1234.50")), ("($1,234.50)", Decimal("-1234.50")), ("$1,234", 1234), ("-$5", -5), ("$-5", -5), ("5 $", 5), ("$5$", BAD), ("(-5)", BAD), ("()", BAD), ("(5", BAD), ("€5", BAD), ("$", BAD),
        (" $(1,234.50)", Decimal("-1234.50")), ("$ (5)", -5), ("$($5)", BAD), ("$(-5)", BAD), ("(5)$", BAD), ("($5$)", BAD),
        ("$ 5", 5), ("1e2", 100),
    ]),
    ({"currencySign": "¥"}, [("¥1234", 1234), ("¥1,234", BAD), ("1234", 1234), ("¥ ", BAD)]),
]  # fmt: skip


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(
    ("server", "cases"), AMOUNTS, ids=["plain", "comma", "grouped", "trailing", "parentheses", "yuan"]
)
def test_amounts_as_the_contract_writes_them(
    world: World, server: dict[str, Any], cases: list[tuple[str, Any]], spoiled: bool
) -> None:
    world.server(**server)
    got = read(world, "net_amount", [text for text, _ in cases], spoiled=spoiled)
    assert dict(zip((t for t, _ in cases), got, strict=True)) == dict(cases)


FORMATS: list[tuple[str, list[tuple[str, str | None]]]] = [
    ("%Y%m%d", [("2025111", None), ("20250111", "2025-01-11"), (" 20250111 ", "2025-01-11"), ("2025-01-11", None), ("202501111", None)]),
    ("%d.%m.%Y", [("01.03.2017", "2017-03-01"), ("1.3.2017", "2017-03-01"), ("1/3/2017", None), ("1.3.17", None), ("31.02.2017", None), ("０1.03.2017", None), ("epoch", None), ("infinity", None), ("01.03.2017 ", "2017-03-01")]),
    ("%d.%m.%y", [("01.03.17", "2017-03-01"), ("1.3.7", None), ("1.3.2017", None)]),
    ("%d %b %Y", [("01 Mar 2017", "2017-03-01"), ("1 mar 2017", "2017-03-01"), ("1 March 2017", None)]),
    ("%j/%Y", [("060/2017", "2017-03-01"), ("366/2015", None), ("366/2016", "2016-12-31"), ("365/2015", "2015-12-31"), ("000/2017", None), ("367/2016", None), ("001/2015", "2015-01-01")]),
    ("%y%j", [("15366", None), ("16366", "2016-12-31"), ("15001", "2015-01-01")]),
    ("%a %d.%m.%Y", [("Wed 01.03.2017", "2017-03-01"), ("Mon 01.03.2017", None)]),
    ("%d.%m.%Y %H:%M", [("01.03.2017 00:00", "2017-03-01"), ("01.03.2017 10:00", None), ("01.03.2017", None)]),
    ("iso8601", [("2017-03-01", "2017-03-01"), ("2017-3-1", None), ("20170301", None), ("2017-03-01T00:00:00", None)]),
]  # fmt: skip


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(("format_", "cases"), FORMATS, ids=[f for f, _ in FORMATS])
def test_dates_have_one_reading(
    world: World, format_: str, cases: list[tuple[str, str | None]], spoiled: bool
) -> None:
    world.server(dateFormat=format_)
    got = read(world, "sold_on", [text for text, _ in cases], spoiled=spoiled)
    assert {t: g if g is BAD else str(g) for (t, _), g in zip(cases, got, strict=True)} == {
        t: BAD if v is None else v for t, v in cases
    }


TIMES: list[tuple[str, list[tuple[str, str | None]]]] = [
    ("%Y-%m-%d %H%M", [("2017-03-01 105", None), ("2017-03-01 0105", "01:05:00"), ("2017-03-01 1:05", None)]),
    ("%Y-%m-%d %H:%M", [("2017-03-01 9:05", "09:05:00"), ("2017-03-01  09:05", "09:05:00"), ("2017-03-01 24:00", None), ("2017-03-01T09:05", None)]),
    ("%Y-%m-%d %I:%M %p", [("2017-03-01 9:05 pm", "21:05:00"), ("2017-03-01 12:05 AM", "00:05:00"), ("2017-03-01 13:05 PM", None)]),
    ("%Y-%m-%d %H:%M:%S%z", [
        ("2017-03-01 10:00:00+25:00", None), ("2017-03-01 10:00:00+99:00", None), ("2017-03-01 10:00:00+08:61", None), ("2017-03-01 10:00:00+1801", None),
        ("2017-03-01 10:00:00+08", "02:00:00"), ("2017-03-01 10:00:00+0800", "02:00:00"), ("2017-03-01 10:00:00Z", "10:00:00"), ("2017-03-01 10:00:00CST", None),
    ]),
    ("iso8601", [("2017-03-01T10:00+08:00", "02:00:00"), ("2017-03-01T10:00:00+25:00", None), ("2017-03-01T10:00:00+08:61", None), ("2017-03-01 10:00", "10:00:00"), ("2017-03-01T1:00", None)]),
]  # fmt: skip


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(("format_", "cases"), TIMES, ids=[f for f, _ in TIMES])
def test_times_have_one_reading(
    world: World, format_: str, cases: list[tuple[str, str | None]], spoiled: bool
) -> None:
    world.server(timestampFormat=format_, timezone="UTC")
    got = read(world, "transaction_at", [text for text, _ in cases], spoiled=spoiled)
    assert {t: g if g is BAD else str(g.time()) for (t, _), g in zip(cases, got, strict=True)} == {
        t: BAD if v is None else v for t, v in cases
    }


def test_booleans(world: World) -> None:
    texts = ["t", "YES", " true ", "y", "1", "F", "no", "0", "on", "2", "ja", "1.0", "01", "truee"]
    assert read(world, "is_gift", texts, spoiled=False) == [True] * 5 + [False] * 3 + [BAD] * 6


signs = "".join(dict.fromkeys("0123456789+-._eE ,:/TZtrufalsenoyx\t()'%$日０"))
spellings = st.one_of(
    st.text(signs, max_size=9),
    st.sampled_from(
        ["2017-03-01", "20170301", "12.50", "1e3", "true", "- ", "nan", "inf", "2017-03-01 10:00:00"]
    ).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.sampled_from([*signs, ""])).map(
            lambda change: text[: change[0]] + change[1] + text[change[0] :]
        )
    ),
)
dialects = st.sampled_from(
    [
        {}, {"decimalMark": ","}, {"thousandsMark": ",", "currencySign": "$", "negativeStyle": "parentheses"},
        {"dateFormat": "%Y%m%d", "timestampFormat": "iso8601"}, {"dateFormat": "%d.%m.%y", "timestampFormat": "%Y-%m-%d %H:%M:%S%z"},
        {"nullValues": ["", "-", "NULL"], "timestampFormat": "%Y%m%d %H%M"},
    ]
)  # fmt: skip


@pytest.mark.search
@settings(max_examples=examples(2, 4), deadline=None, suppress_health_check=list(HealthCheck))
@given(dialects, st.lists(st.tuples(st.sampled_from(sorted(TYPES)), spellings), min_size=20, max_size=20))
def test_the_quick_and_the_careful_way_know_the_same_grammar(
    dialect: dict[str, Any], cells: list[tuple[str, str]]
) -> None:
    held = []
    for spoiled in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder)).setting(toleratedRejectRate=1).server(**dialect)
            world.column("line_number", logicalTypeOptions={}).column("transaction_at", required=True)
            world.setting(futureToleranceDays=10**6)
            for i, (column, text) in enumerate(cells):
                bad = ["bad"] * spoiled
                world.rows(line(f"k{i:03}", {column: text}), *bad, header=HEAD, name=f"{i:03}.csv")
            assert counts(world.load())[0] == 20 * (1 + spoiled)
            held.append(world.raw("* EXCLUDE (file_id)"))
    assert held[0] == held[1]


def misspelt(seeds: list[str], count: int) -> list[str]:
    """Texts that differ from good ones by a sign or a few."""
    chance = random.Random(7)
    texts = []
    for _ in range(count):
        text = chance.choice(seeds)
        for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice([*signs, ""]) + text[at + chance.randint(0, 1) :]
        texts.append(text)
    return [text for text in dict.fromkeys(texts) if text]


@pytest.mark.parametrize("type_", ["DECIMAL(18,2)", "INTEGER", "BIGINT", "DOUBLE"])
def test_of_many_numbers_the_quick_way_takes_no_other_and_none_otherwise(type_: str) -> None:
    seeds = ["12.50", "1e3", "-5", "- ", "+5", "1.", "0.5", "1234567", "nan", "inf", "1_0", " 7 ", "5e-1"]
    column, dialect = Column("a", "a", type_, ""), Dialect()
    quick = f"CASE WHEN {plain_numbers(['t'], dialect)} THEN TRY_CAST(t AS {guard_type(column)}) END"
    with closing(duckdb.connect()) as connection:
        connection.register("texts", pa.table({"t": misspelt(seeds, 20_000)}))
        rows = connection.execute(
            f"SELECT t, {quick}, {parse(column, 't', dialect, 'UTC')} FROM texts"
        ).fetchall()
    taken = [row for row in rows if row[1] is not None]
    assert len(taken) > 500
    # A number too large for the quick way's narrower type is left to the careful way.
    assert [row for row in taken if row[1] != row[2] and str(row[1]) != str(row[2])] == []
    assert [row for row in rows if row[1] is None and row[2] is not None and abs(row[2]) < 10**10] == []


@pytest.mark.parametrize(
    ("type_", "format_", "seeds"),
    [
        ("DATE", "%Y-%m-%d", ["2017-03-01", "epoch", "infinity", "17-3-1"]),
        ("DATE", "%-d/%-m/%Y", ["1/3/2017"]),
        ("TIMESTAMP", "%Y-%m-%d %H:%M:%S", ["2017-03-01 10:00:00", "2017-3-1 1:2:3"]),
        ("TIMESTAMP", "%Y年%m月%d日 %H:%M", ["2017年3月1日 10:00"]),
    ],
)
def test_of_many_dates_the_csv_reader_takes_just_those_of_the_format(
    tmp_path: Path, type_: str, format_: str, seeds: list[str]
) -> None:
    texts = misspelt(seeds, 10_000)
    path = tmp_path / "texts.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerows([["i", "a"], *([str(i), text] for i, text in enumerate(texts))])
    setting = "date_format" if type_ == "DATE" else "timestamp_format"
    column, dialect = Column("a", "a", type_, ""), Dialect(**{setting: format_})  # type: ignore[arg-type]
    assert reads_typed(column, dialect)
    with closing(duckdb.connect()) as connection:
        read = connection.execute(
            f"SELECT i, a FROM read_csv('{path}', auto_detect = false, header = true, delim = ',', quote = '\"', "
            f"escape = '\"', columns = {{i: 'INTEGER', a: '{type_}'}}, ignore_errors = true, "
            f"dateformat = '{dialect.date_format}', timestampformat = '{dialect.timestamp_format}') "
            f"WHERE {in_range('a')} AND a IS DISTINCT FROM TIMESTAMP '1900-01-01'"
        ).fetchall()
        connection.register("texts", pa.table({"i": list(range(len(texts))), "t": texts}))
        parsed = connection.execute(
            f"SELECT i, CAST(v AS {type_}) FROM (SELECT i, {parse(column, 't', dialect, 'UTC')} AS v FROM texts) "
            f"WHERE {in_range('v')}"
        ).fetchall()
    assert len(parsed) > 40
    assert sorted(read) == sorted(parsed)


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
def test_hours_that_summer_time_skips_are_quarantined_and_doubled_ones_are_the_second(
    tmp_path: Path, spoiled: bool
) -> None:
    world = World(tmp_path, timezone="Europe/Berlin").setting(toleratedRejectRate=1)
    texts = ["2016-03-27 01:59:59", "2016-03-27 02:30:00", "2016-03-27 03:00:00", "2016-10-30 02:30:00"]
    got = read(world, "transaction_at", texts, spoiled=spoiled)
    assert got == [
        datetime(2016, 3, 27, 0, 59, 59), BAD, datetime(2016, 3, 27, 1), datetime(2016, 10, 30, 1, 30)
    ]  # fmt: skip
    assert world.query("SELECT reasons FROM quarantine.transactions WHERE len(reasons) = 1 AND raw_text <> 'bad'") == [
        (["transaction_at: '2016-03-27 02:30:00' is in an hour that the clocks of Europe/Berlin skip"],)
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["2016-03-27T02:30", "2016-03-27 02:00:00.5"])
def test_a_skipped_hour_in_iso_8601_is_called_so(tmp_path: Path, text: str) -> None:
    world = (
        World(tmp_path)
        .server(timestampFormat="iso8601", timezone="Europe/Berlin")
        .setting(toleratedRejectRate=1)
    )
    assert read(world, "transaction_at", [text], spoiled=False) == [BAD]
    assert world.reasons() == {
        2: [f"transaction_at: '{text}' is in an hour that the clocks of Europe/Berlin skip"]
    }


def test_zones_without_summer_time_skip_nothing() -> None:
    assert skipped("UTC") == skipped("Etc/GMT-8") == (frozenset(), frozenset(), 0)
    assert skipped("Asia/Shanghai")[2] == 1991


def test_reasons_name_the_format(world: World) -> None:
    world.server(dateFormat="%d.%m.%Y").rows(line("a", {"sold_on": "2017-03-01", "transaction_at": "x"}), header=HEAD)  # fmt: skip
    world.load()
    assert world.reasons() == {2: [
        "transaction_at: 'x' is no TIMESTAMP by %Y-%m-%d %H:%M:%S", "sold_on: '2017-03-01' is no DATE by %d.%m.%Y",
    ]}  # fmt: skip


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
def test_a_rounding_rule(world: World, spoiled: bool) -> None:
    world.column("net_amount", customProperties=[{"property": "rounding", "value": "halfUp"}])
    texts = ["1.005", "-1.005", "1.00499999", "2.675", "99999999999999999999"]
    wanted = [*map(Decimal, ("1.01", "-1.01", "1.00", "2.68")), BAD]
    assert read(world, "net_amount", texts, spoiled=spoiled) == wanted


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
def test_several_null_values(world: World, spoiled: bool) -> None:
    world.server(nullValues=["-", "N/A"])  # beside the nullValue "" of the contract
    assert read(world, "score", ["-", "N/A", "", " - "], spoiled=spoiled) == [None, None, None, BAD]
