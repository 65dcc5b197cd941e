"""Expressions and conditions at work: rows that are not ours, rules that raise, the row's place, columns left out."""

from __future__ import annotations

import re

import duckdb
import pytest
from loading_world import DAY, GOOD, HEADER, World

from pipelines.errors import LoadError
from pipelines.load.state import DatasetLoad
from pipelines.settings import Settings
from pipelines.warehouse.connection import connect, restrict

BAD = "bad"
"""A line that makes its file be read carefully."""


def line(number: int, note: str, amount: str = "9.99") -> str:
    return f"t{number},1,c1,{DAY} 10:00:00,{amount},2,0.5,true,{DAY},{note}"


def parts(result: DatasetLoad) -> tuple[int, ...]:
    names = ("rows_in", "loaded", "quarantined", "rejected", "ignored", "duplicates")
    counts = tuple(getattr(result, name) for name in names)
    assert counts[0] == sum(counts[1:])
    return counts


@pytest.mark.parametrize("way", ["quick", "careful"])
def test_a_rule_that_raises_quarantines_its_row_and_shows_no_value(world: World, way: str) -> None:
    world.column("note", classification="pii").rule("phone_is_positive", "CAST(note AS BIGINT) > 0")
    rows = [line(1, "12"), line(2, "0049-secret"), line(3, "-1"), *([BAD] if way == "careful" else [])]
    world.rows(*rows)
    assert parts(world.load())[:3] == (len(rows), 1, len(rows) - 1)
    assert world.ids() == ["t1"]
    assert world.reasons()[3] == world.reasons()[4] == ["phone_is_positive: phone_is_positive"]
    world.setting(toleratedRejectRate=0)
    with pytest.raises(LoadError, match="phone_is_positive") as refused:
        world.load()
    assert "secret" not in str(refused.value)


CONDITIONS = {
    "rejectIf": [{"name": "cancelled", "condition": "note LIKE 'C%'", "description": "a cancelled sale"}],
    "ignoreIf": [
        {"name": "postage", "condition": "note = 'POST'"},
        {"name": "test", "condition": "net_amount = 0"},
    ],
}


@pytest.mark.parametrize("way", ["quick", "careful"])
def test_rows_that_are_not_ours_are_counted_apart_and_count_against_no_tolerance(
    world: World, way: str
) -> None:
    world.setting(**CONDITIONS, toleratedRejectRate=0.5 if way == "careful" else 0)
    rows = [line(1, "x"), line(2, "POST"), line(3, "C536"), line(4, "x", "0"), line(5, "x")]
    world.rows(*rows, *([BAD] if way == "careful" else []))
    bad = int(way == "careful")
    assert parts(world.load()) == (5 + bad, 2, bad, 1, 2, 0)
    assert world.ids() == ["t1", "t5"]
    assert world.query("SELECT line_number, kind, reasons FROM quarantine.transactions ORDER BY 1")[0] == (
        4,
        "rejected",
        ["cancelled: a cancelled sale"],
    )
    assert world.query(
        "SELECT rows_in, loaded, quarantined, rejected, ignored, duplicates FROM ops.files"
    ) == [(5 + bad, 2, bad, 1, 2, 0)]


def test_only_ignored_rows_need_no_careful_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.setting(**CONDITIONS).rows(line(1, "x"), line(2, "POST"))
    world.rows(line(3, "POST"), line(4, "POST"), name="all.csv")

    def careful(*_: object) -> int:
        raise AssertionError("read carefully")

    monkeypatch.setattr("pipelines.load.reading.careful_read", careful)
    assert parts(world.load()) == (4, 1, 0, 0, 3, 0)


def test_a_row_that_is_ignored_may_break_every_rule_but_not_its_shape(world: World) -> None:
    world.setting(**CONDITIONS).rows(line(1, "POST", "free"), line(2, "x", "free"), "t3,1,POST")
    assert parts(world.load()) == (3, 0, 2, 0, 1, 0)
    assert world.reasons() == {
        3: ["net_amount: 'free' is no DECIMAL(18,2)"],
        4: ["3 fields instead of 10"],
    }


@pytest.mark.parametrize("setting", ["rejectIf", "ignoreIf"])
def test_a_condition_that_fails_on_a_row_quarantines_it_rather_than_loads_it(
    world: World, setting: str
) -> None:
    world.setting(**{setting: [{"name": "old", "condition": "CAST(note AS INTEGER) < 5"}]})
    world.rows(line(1, "7"), line(2, "4"), line(3, "seven"), line(4, ""))
    result = world.load()
    assert (result.loaded, result.quarantined, result.rejected + result.ignored) == (2, 1, 1)
    assert world.ids() == ["t1", "t4"]
    assert world.reasons()[4] == ["old: its condition fails on this row"]


def test_a_reject_is_told_from_a_broken_row_by_its_tolerance(world: World) -> None:
    world.setting(**CONDITIONS, toleratedRejectRate=0.2)
    world.rows(line(1, "x"), line(2, "C1"), line(3, "C2"), line(4, "x", "free"))
    with pytest.raises(
        LoadError, match=r"1 of 4 rows break the contract.*net_amount: … is no DECIMAL"
    ) as refused:
        world.load()
    assert "cancelled" not in str(refused.value)


PLACES = [
    ("utf-8", "csv", "plain"),
    ("utf-8", "csv", "beside a bad row"),
    ("gbk", "csv", "plain"),
    ("utf-8", "jsonl", "plain"),
    ("utf-8", "parquet", "plain"),
]


@pytest.mark.parametrize(("encoding", "format_", "how"), PLACES)
def test_a_row_without_numbers_of_its_own_has_its_file_line_and_landing_date(
    world: World, encoding: str, format_: str, how: str
) -> None:
    world.server(encoding=encoding, format=format_, path=f"transactions/{{date}}/*.{format_}")
    world.column("transaction_id", transformLogic="strftime(partition_date, '%Y%m%d') || ' ' || file_name")
    world.column("line_number", transformLogic="file_line")
    names = HEADER.split(",")[2:]
    rows = [GOOD.format(n).split(",")[2:] for n in (1, 2)]
    for file in ("a", "b"):
        path = world.land("", name=f"{file}.{format_}")
        if format_ == "csv":
            bad = "bad\n" if how != "plain" else ""
            text = "".join(",".join(r) + "\n" for r in (names, rows[0])) + bad + ",".join(rows[1]) + "\n"
            path.write_text(text, encoding=encoding)
        else:
            fields = ", ".join(f"{v!r} AS {n}" for n, v in zip(names, rows[0], strict=True))
            how_written = "FORMAT json" if format_ == "jsonl" else "FORMAT parquet"
            duckdb.sql(f"SELECT {fields} FROM range(2)").write_parquet(
                str(path)
            ) if format_ == "parquet" else duckdb.sql(
                f"COPY (SELECT {fields} FROM range(2)) TO '{path}' ({how_written})"
            )
    assert world.load().loaded == 4
    first = 2 if format_ == "csv" else 1
    second = first + (2 if how != "plain" else 1)
    expected = [
        (f"20170301 transactions/{DAY}/{file}.{format_}", number)
        for file in ("a", "b")
        for number in (first, second)
    ]
    assert world.raw("transaction_id, line_number") == expected
    again = world.query("SELECT count(*) FROM raw.transactions__contested")
    assert again == [(0,)]


def test_an_expression_over_another_gives_the_same_in_both_ways_of_reading(world: World) -> None:
    world.column("second", transformLogic="CAST(note AS INTEGER) + 1", physicalType="INTEGER")
    world.column("first", transformLogic="'n' || second")
    world.rows(line(1, "1"), name="quick.csv").with_name("x")
    world.rows(line(2, "2"), line(3, "three"), BAD, name="slow.csv")
    assert parts(world.load()) == (4, 2, 2, 0, 0, 0)
    assert world.raw("transaction_id, first") == [("t1", "n2"), ("t2", "n3")]
    assert world.reasons()[3] == ["second: its expression fails on this row"]


@pytest.mark.parametrize("way", ["quick", "careful"])
def test_a_rule_may_name_an_optional_column_that_was_left_out(world: World, way: str) -> None:
    world.rule("discount_is_small", "coalesce(discount_amount < 5, true) AND store_id IS NULL")
    world.rows(line(1, "x"), *([BAD] if way == "careful" else []))
    assert world.load().loaded == 1


def test_a_type_can_be_changed_while_nothing_is_loaded(world: World) -> None:
    world.setting(toleratedRejectRate=0).column("note", physicalType="DATE").good(1)
    with pytest.raises(LoadError, match="note: … is no DATE"):
        world.load()
    assert world.column("note", physicalType="VARCHAR").load().loaded == 1
    with pytest.raises(LoadError, match=r"raw.transactions.note is VARCHAR but the contract now says BIGINT"):
        world.column("note", physicalType="BIGINT").load()


def test_the_loader_reads_landed_files_and_writes_its_own_alone(world: World) -> None:
    settings = Settings(home=world.home)
    landed = world.good(1)
    other = world.home / "payroll.csv"
    other.write_text("a\n1\n", encoding="utf-8")
    connection = connect(settings)
    restrict(connection, [settings.landing])
    assert connection.execute(f"SELECT count(*) FROM read_csv('{landed}')").fetchone() == (1,)
    for sql in (
        f"FROM read_csv('{other}')",
        f"COPY (SELECT 1) TO '{world.home / 'out.csv'}'",
        f"ATTACH '{world.home / 'new.duckdb'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error, match=re.compile("disabled|locked|lock|cannot", re.IGNORECASE)):
            connection.execute(sql)
    connection.close()
