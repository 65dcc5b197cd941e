"""Exports that look different: only the contract changes."""

# ruff: noqa: E501, DTZ001 - one case a line reads best; raw holds UTC without a zone
from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_world import DAY, GOOD, HEADER, World, counts

from pipelines.errors import LandingError
from pipelines.load.sample import read_sample

TEN = datetime(2017, 3, 1, 10)


def csv_text(delimiter: str = ",", note: str = "hello", amount: str = "9.99") -> str:
    return (
        f"{HEADER}\n{GOOD.format(1)}\n".replace("hello", note).replace("9.99", amount).replace(",", delimiter)
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", "会员 ü"),
        ("utf-8-sig", "会员"),
        ("gbk", "会员号"),
        ("gb18030", "会员🎁"),
        ("latin-1", "Müller"),
        ("utf-16", "会员ਅ"),
        ("utf-16-le", "会员"),
    ],
)
def test_every_encoding_and_compression_gives_the_same_text(
    world: World, encoding: str, note: str, packed: bool
) -> None:
    world.server(encoding=encoding.removesuffix("-sig"))
    data = csv_text(note=note).encode(encoding)
    world.land(gzip.compress(data) if packed else data, name="sales.csv.gz" if packed else "sales.csv")
    assert counts(world.load()) == (1, 1, 0, 0)
    assert world.raw("transaction_id, note") == [("t1", note)]


def test_a_gzip_of_several_members_is_read_whole(world: World) -> None:
    first, second = csv_text().encode(), GOOD.format(2).encode() + b"\n"
    world.land(gzip.compress(first) + gzip.compress(second), name="sales.csv.gz")
    assert counts(world.load()) == (2, 2, 0, 0)


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_every_delimiter(world: World, delimiter: str) -> None:
    world.server(delimiter=delimiter).land(csv_text(delimiter, note=f'"a{delimiter}b"'))
    world.load()
    assert world.raw("note") == [(f"a{delimiter}b",)]


def test_another_quote_and_null_marker(world: World) -> None:
    world.server(quote="'", nullValue="NULL")
    world.rows(
        GOOD.format(1).replace("hello", "'it''s, ok'"),
        GOOD.format(2).replace("hello", "NULL").replace("0.5", "NULL"),
    )
    world.load()
    assert world.raw("note, score") == [("it's, ok", 0.5), (None, None)]


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(
    ("decimal", "thousands", "text"),
    [
        (",", "", "-1234567,50"),
        (",", ".", "-1.234.567,50"),
        (".", ",", '"-1,234,567.50"'),
        (".", " ", "-1 234 567.50"),
    ],
)
def test_decimal_and_thousands_marks(
    world: World, decimal: str, thousands: str, text: str, spoiled: bool
) -> None:
    world.server(delimiter=";", decimalMark=decimal, thousandsMark=thousands)
    good = csv_text(";").replace("9.99", text).replace("0.5", f"0{decimal}5")
    world.land(good + (good.splitlines()[1].replace("t1", "t2").replace(text, "1.2.3,4,5") + "\n") * spoiled)
    assert world.load().quarantined == spoiled
    assert world.raw("net_amount, score") == [(Decimal("-1234567.50"), 0.5)]


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(
    ("format_", "text", "moment"),
    [
        ("%d/%m/%Y %H:%M", "01/03/2017 10:00", TEN),
        ("%Y%m%d%H%M%S", "20170301100000", TEN),
        ("%Y-%m-%d %H:%M:%S.%f", "2017-03-01 10:00:00.250000", TEN.replace(microsecond=250000)),
        ("%Y-%m-%d %H:%M:%S%z", "2017-03-01 12:00:00+0200", TEN),
        ("%Y-%m-%dT%H:%M:%S%z", "2017-03-01T10:00:00Z", TEN),
        ("%Y-%m-%d %H:%M:%S%z", "2017-03-01 10:00:00", None),
        ("iso8601", "2017-03-01T11:00:00", TEN),
        ("iso8601", "2017-03-01T12:30:00+02:30", TEN),
        ("iso8601", "2017-03-01T10:00:00.25Z", TEN.replace(microsecond=250000)),
        ("iso8601", "2017-03-01", None),
        ("iso8601", "infinity", None),
    ],
)
def test_timestamp_formats(
    world: World, format_: str, text: str, moment: datetime | None, spoiled: bool
) -> None:
    """Texts without an offset are in the source's zone, here UTC, but Berlin where the format is ISO 8601."""
    world.server(timestampFormat=format_, timezone="Europe/Berlin" if format_ == "iso8601" else "UTC")
    world.land(csv_text().replace("2017-03-01 10:00:00", text) + "bad\n" * spoiled)
    world.load()
    assert world.raw("transaction_at") == ([(moment,)] if moment else [])


@pytest.mark.parametrize(
    ("format_", "text"),
    [("%d/%m/%Y", "01/03/2017"), ("%Y%m%d", "20170301"), ("%d.%m.%y", "01.03.17"), ("iso8601", "2017-03-01")],
)
def test_date_formats_of_the_file_and_of_one_column(world: World, format_: str, text: str) -> None:
    world.server(dateFormat=format_).land(csv_text().replace("2017-03-01,", text + ","))
    world.load()
    assert world.raw("sold_on::varchar") == [("2017-03-01",)]
    world.server(dateFormat="%Y-%m-%d").column(
        "sold_on", customProperties=[{"property": "format", "value": format_}]
    )
    assert world.load().loaded == 1
    assert world.raw("sold_on::varchar") == [("2017-03-01",)]


@pytest.mark.parametrize(
    ("source", "reporting", "text", "utc", "business"),
    [
        ("UTC", "Asia/Shanghai", "2017-02-28 15:59:59", "2017-02-28 15:59:59", "2017-02-28"),
        ("UTC", "Asia/Shanghai", "2017-02-28 16:00:00", "2017-02-28 16:00:00", "2017-03-01"),
        ("Asia/Shanghai", "America/New_York", "2017-03-01 12:59:59", "2017-03-01 04:59:59", "2017-02-28"),
        ("Asia/Shanghai", "America/New_York", "2017-03-01 13:00:00", "2017-03-01 05:00:00", "2017-03-01"),
        ("Europe/Berlin", "Europe/Berlin", "2016-10-30 02:30:00", "2016-10-30 01:30:00", "2016-10-30"),
        ("Europe/Berlin", "UTC", "2016-07-01 01:30:00", "2016-06-30 23:30:00", "2016-06-30"),
        (None, "Europe/Berlin", "2017-01-01 00:00:00", "2016-12-31 23:00:00", "2017-01-01"),
    ],
)
def test_the_business_date_is_the_local_date_of_the_reporting_zone(
    tmp_path: Path, source: str | None, reporting: str, text: str, utc: str, business: str
) -> None:
    world = World(tmp_path, timezone=reporting).setting(toleratedRejectRate=1)
    if source:
        world.server(timezone=source)
    for name, extra in (("a.csv", ""), ("b.csv", "bad\n")):
        world.land(csv_text().replace("t1", name).replace("2017-03-01 10:00:00", text) + extra, name=name)
    world.load()
    assert world.raw("transaction_at::varchar, business_date::varchar") == [(utc, business)] * 2


def test_names_of_the_source_and_constant_and_derived_columns(world: World) -> None:
    world.column("customer_id", physicalName="会员号").column("note", transformLogic="'shop'")
    world.column("is_gift", transformLogic="net_amount = 0").column(
        "ratio", physicalType="DOUBLE", transformLogic="1 // (line_number - 2)"
    )
    head = "transaction_id,line_number,会员号,transaction_at,net_amount,quantity,score,sold_on"
    world.rows("a,1,m1,2017-03-01 10:00:00,0,1,1,", "b,2,m2,2017-03-01 10:00:00,5,1,1,", header=head)
    assert counts(world.load()) == (2, 2, 0, 0)  # division by zero is NULL, no fault
    assert world.raw("customer_id, note, is_gift") == [("m1", "shop", True), ("m2", "shop", False)]
    world.column("ratio", transformLogic="CAST(customer_id AS INTEGER)")
    world.rows("a,1,7,2017-03-01 10:00:00,0,1,1,", "b,2,m2,2017-03-01 10:00:00,5,1,1,", header=head)
    assert counts(world.load()) == (2, 1, 1, 0)
    assert world.reasons() == {3: ["ratio: its expression fails on this row"]}


def test_a_rule_of_the_contract_quarantines_by_its_name(world: World) -> None:
    world.rule("gift_is_free", "NOT is_gift OR net_amount = 0").rows(
        GOOD.format(1), GOOD.format(2).replace("true", "false")
    )
    assert counts(world.load()) == (2, 1, 1, 0)
    assert world.reasons() == {2: ["gift_is_free: gift_is_free"]}


def test_a_derived_business_time(world: World) -> None:
    world.column("sold_on", required=True).setting(businessTime="transaction_at")
    world.column("transaction_at", transformLogic="CAST(sold_on AS TIMESTAMP) + INTERVAL 10 HOUR")
    world.land(csv_text().replace("2017-03-01\n", "").replace(",2017-03-01,", ",2017-02-27,"))
    world.load()
    assert world.raw("business_date::varchar, transaction_at::varchar") == [
        ("2017-02-27", "2017-02-27 10:00:00")
    ]


LOCATIONS = [
    ("sales_{date:%Y%m%d}.csv", "sales_20170301.csv"),
    ("in/{date:%Y/%m/%d}/*.csv", "in/2017/03/01/x.csv"),
    ("in/year={date:%Y}/month={date:%m}/{date:%d}_*.csv", "in/year=2017/month=03/01_x.csv"),
    ("all/*/{date}/s*.csv*", "all/shop 1/2017-03-01/sales.csv.gz"),
    ("{date:%y%j}.csv", "17060.csv"),
]


@pytest.mark.parametrize(("location", "name"), LOCATIONS)
@pytest.mark.parametrize("is_absolute", [False, True])
def test_every_location_pattern(
    world: World, tmp_path: Path, location: str, name: str, is_absolute: bool
) -> None:
    root = tmp_path / "else where" if is_absolute else world.settings.landing
    world.server(path=f"{root}/{location}" if is_absolute else location)
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text(csv_text(), encoding="utf-8")
    (path.parent / (path.name + ".tmp")).write_text("half", encoding="utf-8")
    world.load()
    assert world.raw("partition_date::varchar, net_amount::varchar") == [(DAY, "9.99")]


NAMES = [
    "it's.csv",
    "a;b.csv",
    "a*b.csv",
    "a?b.csv",
    "[x].csv",
    "[!a].csv",
    "a b.csv",
    "会员.csv",
    "line\nbreak.csv",
    '"q".csv',
    "{a,b}.csv",
    "~.csv",
    "**.csv",
    "x=1.csv",
]


def test_file_and_folder_names_are_data(tmp_path: Path) -> None:
    world = World(tmp_path / "we[i]rd '\"; ho*me 会" / "k=v").setting(toleratedRejectRate=1)
    world.server(path="transactions/{date}/*")
    for i, name in enumerate(NAMES):
        world.rows(GOOD.format(f"{i:02}"), *["bad"] * (i % 2), name=name)
    assert counts(world.load()) == (21, 14, 7, 0)
    assert {Path(p).name for (p,) in world.query("SELECT path FROM ops.files")} == set(NAMES)


def parquet(**columns: Any) -> bytes:
    base = {
        "transaction_id": ["t1"], "line_number": pa.array([1], pa.int8()), "customer_id": ["c1"], "transaction_at": [TEN],
        "net_amount": [9.99], "quantity": [2], "score": [0.5], "is_gift": [True], "sold_on": [TEN.date()], "note": ["hello"],
    }  # fmt: skip
    stream = io.BytesIO()
    pq.write_table(pa.table({**base, **columns}), stream)
    return stream.getvalue()


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"net_amount": [0.1 + 0.2]}, "net_amount::varchar", "0.30"),
        ({"net_amount": pa.array([Decimal("7.5000")], pa.decimal128(20, 4))}, "net_amount::varchar", "7.50"),
        ({"net_amount": ["7,50"]}, "net_amount::varchar", "7.50"),
        ({"net_amount": pa.array([7.5], pa.float32())}, "net_amount::varchar", "7.50"),
        ({"customer_id": pa.array([12345678901234], pa.int64())}, "customer_id", "12345678901234"),
        ({"customer_id": pa.array(["c9"]).dictionary_encode()}, "customer_id", "c9"),
        ({"note": pa.array([None], pa.null())}, "note", None),
        ({"line_number": [3.0]}, "line_number", 3),
        ({"transaction_at": pa.array([TEN], pa.timestamp("ns"))}, "transaction_at", TEN),
        ({"transaction_at": pa.array([TEN], pa.timestamp("ms"))}, "transaction_at", TEN),
        (
            {"transaction_at": pa.array([TEN.replace(tzinfo=UTC)], pa.timestamp("us", "Asia/Shanghai"))},
            "transaction_at",
            TEN,
        ),
        ({"sold_on": [datetime(2017, 2, 1)]}, "sold_on::varchar", "2017-02-01"),
        ({"sold_on": ["2017-02-01"]}, "sold_on::varchar", "2017-02-01"),
    ],
)
def test_parquet_types(world: World, changes: dict[str, Any], column: str, value: Any, spoiled: bool) -> None:
    world.server(path="transactions/{date}/*.parquet", format="parquet", decimalMark=",")
    wrong = (
        {"transaction_id": ["x"], "customer_id": [None]}
        if "customer_id" not in changes
        else {"transaction_id": [None]}
    )
    tables = [pq.read_table(io.BytesIO(parquet(**changes)))]
    if spoiled:
        bad = pq.read_table(io.BytesIO(parquet(**{**changes, **wrong})))
        tables.append(bad.cast(tables[0].schema))
    stream = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), stream)
    world.land(stream.getvalue(), name="s.parquet")
    assert counts(world.load()) == (1 + spoiled, 1, int(spoiled), 0)
    assert world.raw(column) == [(value,)]


def test_bad_values_of_parquet_are_quarantined_and_files_of_other_types_are_not_mixed(world: World) -> None:
    world.server(path="transactions/{date}/*.parquet", format="parquet")
    world.land(parquet(), name="a.parquet")
    world.land(parquet(transaction_id=["t2"], line_number=[3.7]), name="b.parquet")
    world.land(parquet(transaction_id=["t3"], net_amount=[float("nan")]), name="c.parquet")
    world.land(parquet(transaction_id=["t4"], sold_on=[TEN]), name="d.parquet")
    assert counts(world.load()) == (4, 1, 3, 0)
    said = {r for (reasons,) in world.query("SELECT reasons FROM quarantine.transactions") for r in reasons}
    assert said == {
        "line_number: '3.7' does not fit INTEGER", "net_amount: 'nan' is no DECIMAL(18,2)", "sold_on: '2017-03-01 10:00:00' has a time of day",
    }  # fmt: skip


def test_a_parquet_file_damaged_in_its_middle_is_refused(world: World) -> None:
    world.server(path="transactions/{date}/*.parquet", format="parquet")
    data = bytearray(parquet(note=["x" * 5000]))
    data[4:400] = b"\xff" * 396
    world.land(bytes(data), name="a.parquet")
    with pytest.raises(LandingError, match=r"a\.parquet: refused"):
        world.load()


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_keep_digits_and_refuse_lines_not_files(world: World, packed: bool) -> None:
    world.server(path="transactions/{date}/*.jsonl*", format="jsonl")
    good = '{"transaction_id": "%s", "line_number": 1, "customer_id": 42, "transaction_at": "2017-03-01 10:00:00", "net_amount": 12345678901234.10, "note": %s}'
    lines = [
        good % ("a", '"x"'), good % ("b", "null"), good % ("c", '{"k": [1.50, "ü"]}'), "", good % ("d", '"\\ud800"'), "[1]", "{", "[" * 100_000,
        json.dumps({"transaction_id": "e"}), good % ("f", "1.10"),
    ]  # fmt: skip
    data = "\n".join(lines).encode()
    world.column("net_amount", logicalTypeOptions={})
    world.land(gzip.compress(data) if packed else data, name="s.jsonl")
    assert counts(world.load()) == (9, 4, 5, 0)
    assert world.raw("transaction_id, customer_id, net_amount::varchar") == [
        (k, "42", "12345678901234.10") for k in "abcf"
    ]
    assert world.raw("note", "transaction_id = 'f'") == [("1.10",)]
    assert list(world.reasons()) == [5, 6, 7, 8, 9]


def test_a_folder_named_like_a_column_gives_it_no_value(world: World) -> None:
    world.server(path="{date}/*/*.parquet", format="parquet")
    path = world.settings.landing / DAY / "note=folder" / "a.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(parquet())
    world.load()
    assert world.raw("note") == [("hello",)]


def test_parquet_in_a_folder_called_like_a_pattern_loads_and_is_tried_by_doctor(tmp_path: Path) -> None:
    world = World(tmp_path / "a[bc] *").server(path="transactions/{date}/*", format="parquet")
    world.land(parquet())
    assert read_sample(world.settings, world.parsed) is not None
    assert counts(world.load()) == (1, 1, 0, 0)
