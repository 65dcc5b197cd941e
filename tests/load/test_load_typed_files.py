"""Values of JSON Lines and Parquet: what the file's own types mean in a contract, and what they cannot mean."""

# ruff: noqa: E501, DTZ001 - one case a line reads best; raw holds UTC without a zone
from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from loading_world import DAY, World, counts
from loading_world import GOOD as GOOD_LINE

from pipelines.load import load_datasets
from pipelines.settings import PROJECT_DIR

TEN = datetime(2017, 3, 1, 10)
GOOD = '{"transaction_id": "t1", "line_number": 1, "customer_id": "c1", "transaction_at": "2017-03-01 10:00:00", "net_amount": 9.99, "note": "x"}'


@pytest.fixture
def jsonl(world: World) -> World:
    return world.server(path="transactions/{date}/*.jsonl", format="jsonl")


@pytest.fixture
def parquet(world: World) -> World:
    return world.server(path="transactions/{date}/*.parquet", format="parquet")


def table(ids: list[str], **columns: Any) -> bytes:
    base = {"transaction_id": ids, "line_number": [1] * len(ids), "customer_id": ["c1"] * len(ids), "transaction_at": [TEN] * len(ids),
            "net_amount": [9.99] * len(ids), "quantity": [2.0] * len(ids), "score": [0.5] * len(ids), "is_gift": [True] * len(ids),
            "sold_on": [TEN.date()] * len(ids), "note": ["x"] * len(ids)}  # fmt: skip
    stream = io.BytesIO()
    pq.write_table(pa.table({**base, **columns}), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"c1"', "NaN", "the line is no JSON: NaN is no number; a missing value is null"),
        ("9.99", "-Infinity", "the line is no JSON: -Infinity is no number; a missing value is null"),
        ('"x"', '{"a": [NaN]}', "the line is no JSON: NaN is no number; a missing value is null"),
        ('"x"', '"x", "net_amount": 1.00', "the key 'net_amount' stands twice"),
        ('"x"', '{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('"c1"', "12.0", "customer_id: is a number with decimals, where an identifier"),
        ('"c1"', "1e3", "customer_id: is a number with decimals, where an identifier"),
        ('"c1"', "[12]", "customer_id: is true, false, a list or an object, where an identifier"),
        ('"c1"', '{"id": 12}', "customer_id: is true, false, a list or an object, where an identifier"),
        ('"c1"', "true", "customer_id: is true, false, a list or an object, where an identifier"),
        ('"t1"', "1.0", "transaction_id: is a number with decimals, where an identifier"),
        ('"x"', '"x", "\\ud800": 1', "the line has an escape that is half a character"),
        ('"c1"', '"\\u0000"', "the line has an escape of a NUL character"),
        ("9.99", "true", "net_amount: 'true' is no DECIMAL(18,2)"),
        ("9.99", "[9.99]", "net_amount: '[9.99]' is no DECIMAL(18,2)"),
    ],
)  # fmt: skip
def test_json_says_nothing_that_no_one_wrote(jsonl: World, old: str, new: str, reason: str) -> None:
    jsonl.land(GOOD.replace("t1", "t0") + "\n" + GOOD.replace(old, new, 1), name="s.jsonl")
    assert counts(jsonl.load()) == (2, 1, 1, 0)
    ((line, reasons),) = jsonl.reasons().items()
    assert line == 2
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ('{"a": 1, "b": [2.50, "ü", null, true]}', '{"a": 1, "b": [2.50, "ü", null, true]}'),
        ("[]", "[]"), ("1.10", "1.10"), ("false", "false"), ("null", None), ('""', None), ("12", "12"), ('"null"', "null"),
    ],
)  # fmt: skip
def test_other_texts_of_json_keep_what_is_written(jsonl: World, written: str, held: str | None) -> None:
    jsonl.land(GOOD.replace('"x"', written).replace('"c1"', "12"), name="s.jsonl")
    jsonl.load()
    assert jsonl.raw("note, customer_id") == [(held, "12")]


def test_numbers_of_json_have_a_point_whatever_mark_texts_have(jsonl: World) -> None:
    jsonl.server(decimalMark=",", thousandsMark=".")
    lines = (
        GOOD.replace("9.99", "1.500"), GOOD.replace("t1", "t2").replace("9.99", '"1.500,25"'), GOOD.replace("t1", "t3").replace("9.99", "1.5e1"),
    )  # fmt: skip
    jsonl.land("\n".join(lines), name="s.jsonl")
    jsonl.load()
    assert jsonl.raw("net_amount") == [(Decimal("1.50"),), (Decimal("1500.25"),), (Decimal("15.00"),)]


@pytest.mark.parametrize("spoiled", [False, True], ids=["quick", "careful"])
def test_the_shortest_decimal_that_makes_a_float_is_meant(parquet: World, spoiled: bool) -> None:
    amounts = [649.9, 1299.9, 2499.95, -0.1, 16384.25]
    ids = [f"t{i}" for i in range(len(amounts))]
    parquet.land(table(ids, net_amount=pa.array(amounts, pa.float32()), score=pa.array(amounts, pa.float32())), name="a.parquet")  # fmt: skip
    large = [123456789012.35, 4503599627370.11, 0.1 + 0.2, 1299.9, -1e9]
    parquet.land(table([f"u{i}" for i in range(5)], net_amount=large), name="b.parquet")
    parquet.column("net_amount", logicalTypeOptions={})
    if spoiled:
        for name in ("a", "b"):
            path = parquet.settings.landing / "transactions" / DAY / f"{name}.parquet"
            whole = pq.read_table(path)
            bad = whole.slice(0, 1).set_column(0, "transaction_id", pa.array([None], pa.string()))
            pq.write_table(pa.concat_tables([whole, bad]), path)
    assert parquet.load().quarantined == 2 * spoiled
    held = parquet.raw("net_amount, score")
    wanted = ["649.90", "1299.90", "2499.95", "-0.10", "16384.25", "123456789012.35", "4503599627370.11", "0.30", "1299.90", "-1000000000.00"]  # fmt: skip
    assert [str(amount) for amount, _ in held] == wanted
    assert [score for _, score in held[:5]] == amounts


def test_floats_that_do_not_fit_are_quarantined_or_rounded_by_contract(parquet: World) -> None:
    amounts = pa.array([1.005, 2.0, float("inf"), float("nan")], pa.float32())
    parquet.land(table(["a", "b", "c", "d"], net_amount=amounts), name="a.parquet")
    assert counts(parquet.load()) == (4, 1, 3, 0)
    parquet.column("net_amount", customProperties=[{"property": "rounding", "value": "halfUp"}])
    assert counts(parquet.load()) == (4, 2, 2, 0)
    assert parquet.raw("net_amount") == [(Decimal("1.01"),), (Decimal("2.00"),)]


def test_parquet_columns_named_as_the_reader_names_its_own(parquet: World) -> None:
    own = {name: [1, 0] for name in ("file_index", "file_row_number", "filename", "FILE_ID", "rowid", "line number")}  # fmt: skip
    parquet.land(table(["t1", "t2"], **own), day="2017-03-01", name="a.parquet")
    parquet.land(table(["t3", "t4"], **own, transaction_at=[TEN, None]), day="2017-03-02", name="b.parquet")
    assert counts(parquet.load()) == (4, 3, 1, 0)
    assert parquet.raw("transaction_id, partition_date::varchar") == [
        ("t1", "2017-03-01"), ("t2", "2017-03-01"), ("t3", "2017-03-02"),
    ]  # fmt: skip
    assert parquet.reasons() == {2: ["transaction_at: is empty but required"]}
    parquet.column("note", physicalName="file_row_number").column("score", physicalName="file_index")
    parquet.load()
    assert parquet.raw("note, score") == [("1", 1.0), ("0", 0.0), ("1", 1.0)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transaction_at": pa.array([2**55 // 1000 * 8], pa.timestamp("ms"))}, "transaction_at"),
        ({"transaction_at": pa.array([253402300800], pa.timestamp("s"))}, "transaction_at: '10000-01-01 00:00:00' has no year of four digits"),
        ({"transaction_at": pa.array([2**63 - 1], pa.timestamp("us"))}, "transaction_at: 'infinity' has no year of four digits"),
        ({"transaction_at": pa.array([2**63 - 1], pa.timestamp("us", "UTC"))}, "transaction_at: 'infinity' has no year of four digits"),
        ({"sold_on": pa.array([2**31 - 2], pa.date32())}, "sold_on: '5881580-07-10' has no year of four digits"),
        ({"sold_on": pa.array([2**31 - 1], pa.date32())}, "sold_on: 'infinity' has no year of four digits"),
        ({"sold_on": pa.array([date(1, 1, 1)])}, "sold_on: '0001-01-01' has no year of four digits"),
        ({"sold_on": pa.array([2**63 - 1], pa.timestamp("us"))}, "sold_on: 'infinity' has no year of four digits"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_times_beyond_four_digit_years_are_quarantined(
    parquet: World, changes: dict[str, Any], reason: str, zone: str
) -> None:
    parquet.server(timezone=zone).land(table(["t1"], **changes), name="a.parquet")
    assert counts(parquet.load()) == (1, 0, 1, 0)
    assert parquet.reasons()[1][0].startswith(reason)


def test_ignored_columns_are_no_drift(world: World) -> None:
    head = "transaction_id,line_number,customer_id,transaction_at,net_amount,quantity,score,is_gift,sold_on,note,Kasse,neu"
    world.rows("t1,1,c1,2017-03-01 10:00:00,9.99,2,0.5,true,2017-03-01,x,K7,y", header=head)
    assert world.load().drift == ["Kasse", "neu"]
    world.setting(ignoreColumns=["Kasse", "gone"])
    world.rows("t1,1,c1,2017-03-01 10:00:00,9.98,2,0.5,true,2017-03-01,x,K7,y", header=head)
    assert world.load().drift == ["neu"]


def test_one_file_serves_several_contracts(world: World) -> None:
    """Sales with their customers on each line; master data is the last line of each customer."""
    shipped = yaml.safe_load((PROJECT_DIR / "data_contracts/sources/customers.odcs.yaml").read_text("utf-8"))
    shipped["servers"] = world.contract["servers"]
    shipped["customProperties"] = []
    table = shipped["schema"][0]
    kept = [p for p in table["properties"] if p["name"] in ("customer_id", "full_name")]
    table["properties"], table["quality"] = kept, []
    kept[1]["physicalName"] = "note"
    (world.contract_path.parent / "customers.odcs.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    world.good(1, 2)
    world.load()
    assert world.ids() == ["t1", "t2"]
    assert world.query("SELECT customer_id, full_name FROM raw.customers") == [("c1", "hello")]


def test_a_dump_of_all_history_is_one_partition_of_many_dates_and_the_next_one_takes_its_place(
    world: World,
) -> None:
    """Rows that a later dump lacks are gone, once the earlier dump is taken away."""
    old = [GOOD_LINE.format(i).replace(DAY, f"2016-0{i}-15") for i in (1, 2, 3)]
    world.rows(*old, day=DAY)
    world.load()
    dates = "SELECT business_date::varchar FROM raw.transactions ORDER BY 1"
    assert world.query(dates) == [("2016-01-15",), ("2016-02-15",), ("2016-03-15",)]
    (world.settings.landing / "transactions" / DAY / "sales.csv").unlink()
    world.rows(*old[:2], day="2017-03-02")
    load_datasets(world.settings, "next", None, None, remove_missing=True)
    assert world.query(dates) == [("2016-01-15",), ("2016-02-15",)]
