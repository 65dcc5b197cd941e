"""Whole partitions: replaced in one transaction, left alone when nothing changed, refused as one."""

from __future__ import annotations

from contextlib import closing

import pytest
from loading_world import GOOD, HEADER, World, counts

from pipelines.errors import LandingError, LoadError
from pipelines.load import load_datasets
from pipelines.warehouse.connection import connect


def test_rows_are_loaded_with_their_types_dates_and_file(world: World) -> None:
    world.good(1)
    assert counts(world.load()) == (1, 1, 0, 0)
    assert world.raw("typeof(net_amount), net_amount::varchar, quantity::varchar, score, is_gift, sold_on::varchar, "
                     "transaction_at::varchar, business_date::varchar, partition_date::varchar") == [
        ("DECIMAL(18,2)", "9.99", "2.000", 0.5, True, "2017-03-01", "2017-03-01 10:00:00", "2017-03-01", "2017-03-01")
    ]  # fmt: skip
    assert world.query(
        "SELECT count(*) FROM raw.transactions JOIN ops.files USING (file_id) WHERE status = 'loaded'"
    ) == [(1,)]


def test_an_unchanged_partition_is_left_alone(world: World) -> None:
    world.good(1)
    world.load()
    before = world.query("FROM ops.files")
    assert world.load().unchanged == 1
    assert world.query("FROM ops.files") == before


def test_a_changed_file_replaces_its_partition_with_fewer_rows(world: World) -> None:
    world.good(1, 2, 3)
    world.good(9, day="2017-03-02")
    world.load()
    world.good(4)
    result = world.load()
    assert (result.unchanged, counts(result)) == (1, (1, 1, 0, 0))
    assert world.ids() == ["t4", "t9"]
    assert world.query("SELECT status, count(*) FROM ops.files GROUP BY ALL ORDER BY ALL") == [
        ("loaded", 2),
        ("replaced", 1),
    ]


def test_a_removed_file_of_a_partition_takes_its_rows_along(world: World) -> None:
    world.good(1, name="a.csv")
    gone = world.good(2, name="b.csv")
    world.load()
    gone.unlink()
    world.load()
    assert world.ids() == ["t1"]


def test_a_changed_contract_loads_again(world: World) -> None:
    world.good(1)
    world.load()
    world.column("note", logicalTypeOptions={"maxLength": 3})
    assert counts(world.load()) == (1, 0, 1, 0)
    assert world.reasons() == {2: ["note: 'hello' is longer than 3"]}


def test_two_files_of_a_partition_count_apart_also_when_alike_in_name_and_content(world: World) -> None:
    world.server(path="transactions/{date}/*/*.csv").setting(toleratedRejectRate=1)
    for shop in ("a", "b"):
        path = world.settings.landing / "transactions" / "2017-03-01" / shop / "sales.csv"
        path.parent.mkdir(parents=True)
        path.write_text(f"{HEADER}\n{GOOD.format(1)}\n{GOOD.format(2)}\n", encoding="utf-8")
    assert counts(world.load()) == (4, 2, 0, 2)
    assert world.query("SELECT rows_in, loaded, duplicates FROM ops.files ORDER BY path") == [
        (2, 0, 2),
        (2, 2, 0),
    ]


def test_a_late_row_is_loaded_under_its_own_business_date(world: World) -> None:
    world.rows(GOOD.format(1).replace("2017-03-01 10", "2017-02-20 10"))
    world.load()
    assert world.raw("business_date::varchar, partition_date::varchar") == [("2017-02-20", "2017-03-01")]


def test_the_last_line_of_a_key_holds_and_the_others_are_set_aside_with_their_kind(world: World) -> None:
    other = GOOD.format(1).replace("9.99", "5.00")
    world.rows(other, GOOD.format(2), GOOD.format(1), GOOD.format(1))
    assert counts(world.load()) == (4, 2, 0, 2)
    assert world.raw("transaction_id, net_amount::varchar") == [("t1", "9.99"), ("t2", "9.99")]
    assert world.query("SELECT kind FROM duplicates.transactions ORDER BY kind") == [("exact",), ("key",)]


def test_of_a_key_in_two_files_the_last_file_by_name_holds(world: World) -> None:
    world.rows(GOOD.format(1).replace("9.99", "1.00"), name="a.csv")
    world.rows(GOOD.format(1).replace("9.99", "2.00"), name="b.csv")
    world.load()
    assert world.raw("net_amount::varchar") == [("2.00",)]
    assert world.query("SELECT file_path LIKE '%a.csv', kind FROM duplicates.transactions") == [(True, "key")]


def test_the_last_line_holds_in_a_file_of_many_lines_read_by_several_threads(world: World) -> None:
    lines = [GOOD.format(i % 30_000).replace("9.99", f"{i}.00") for i in range(60_000)]
    world.rows(*lines)
    world.good("x", day="2017-03-02")
    assert counts(world.load()) == (60_001, 30_001, 0, 30_000)
    assert world.query("SELECT count(*) FROM raw.transactions WHERE net_amount < 30000") == [(1,)]


def test_a_key_of_two_partitions_is_noted_as_contested(world: World) -> None:
    world.good(1, 2)
    world.good(2, 3, day="2017-03-02")
    world.load()
    assert world.query("SELECT transaction_id FROM raw.transactions__contested") == [("t2",)]
    world.good(1, day="2017-03-03")
    world.load()
    assert world.query("SELECT transaction_id FROM raw.transactions__contested ORDER BY 1") == [
        ("t1",),
        ("t2",),
    ]


def test_rejects_above_the_tolerance_undo_the_whole_load_and_stay_to_be_looked_at(world: World) -> None:
    world.good(1)
    world.load()
    world.setting(toleratedRejectRate=0.3)
    world.rows(GOOD.format(2), GOOD.format(3).replace("9.99", "x"), "short")
    world.good(8, day="2017-03-02")
    world.rows("bad", GOOD.format(9), day="2017-03-03")
    with pytest.raises(
        LoadError,
        match=r"2017-03-01: 2 of 3 rows .* 66.67% where 30.00%.*net_amount.*1 more: 2017-03-03.*None of the 3 dates",
    ):
        world.load()
    assert world.ids() == ["t1"]
    assert world.query(
        "SELECT partition_date::varchar, line_number, raw_text, reasons FROM quarantine.transactions ORDER BY ALL"
    ) == [
        ("2017-03-01", 3, GOOD.format(3).replace("9.99", "x"), ["net_amount: 'x' is no DECIMAL(18,2)"]),
        ("2017-03-01", 4, "short", ["1 fields instead of 10"]),
        ("2017-03-03", 2, "bad", ["1 fields instead of 10"]),
    ]
    with pytest.raises(LoadError):  # a second try leaves no second copy
        world.load()
    assert world.query("SELECT count(*) FROM quarantine.transactions") == [(3,)]
    assert world.query("SELECT status, count(*) FROM ops.files GROUP BY ALL ORDER BY ALL") == [
        ("loaded", 1),
        ("rejected", 3),
        ("replaced", 3),
    ]
    world.good(2)
    world.good(9, day="2017-03-03")
    assert counts(world.load()) == (3, 3, 0, 0)
    assert world.query("SELECT count(*) FROM quarantine.transactions") == [(0,)]


def test_a_refused_load_keeps_what_the_load_before_had_set_aside(world: World) -> None:
    world.rows(GOOD.format(1), "short")
    world.load()
    world.setting(toleratedRejectRate=0.5)
    world.rows("bad", "worse", "worst")
    with pytest.raises(LoadError):
        world.load()
    assert world.ids() == ["t1"]
    held = "SELECT count(*) FROM quarantine.transactions AS q JOIN ops.files AS f "
    held += "USING (run_id, file_id) WHERE f.status = 'loaded'"
    assert world.query(held) == [(1,)]


def test_rejects_at_the_tolerance_go_on_and_say_so(world: World) -> None:
    world.setting(toleratedRejectRate=0.5).rows(GOOD.format(1), "short")
    result = world.load()
    assert counts(result) == (2, 1, 1, 0)
    assert result.top_reasons == [("1 fields instead of 10", 1)]


def test_a_header_alone_is_a_day_without_sales(world: World) -> None:
    world.setting(toleratedRejectRate=0)
    for text in (HEADER, f"{HEADER}\n", f"{HEADER}\r\n"):
        world.land(text)
        assert counts(world.load()) == (0, 0, 0, 0)
        assert world.query("SELECT rows_in, status FROM ops.files WHERE status = 'loaded'") == [(0, "loaded")]


def test_a_file_refused_within_a_load_is_noted_and_nothing_of_its_dataset_is_loaded(world: World) -> None:
    world.good(1)
    world.land("", day="2017-03-02")
    with pytest.raises(LandingError, match=r"sales.csv: refused: expected a csv file, found an empty file"):
        world.load()
    assert world.ids() == []
    assert world.query("SELECT status, partition_date::varchar FROM ops.files") == [("refused", "2017-03-02")]
    world.good(2, day="2017-03-02")
    world.load()
    assert world.query("SELECT status, count(*) FROM ops.files GROUP BY ALL ORDER BY ALL") == [
        ("loaded", 2),
        ("replaced", 1),
    ]


def test_datasets_without_contract_or_files_have_empty_tables(world: World) -> None:
    world.good(1)
    world.load()
    for dataset in ("customers", "products", "interactions", "feedback", "wallet_surveys"):
        for schema in ("raw", "quarantine", "duplicates"):
            assert world.query(f"SELECT count(*) FROM {schema}.{dataset}") == [(0,)]
        assert world.query(f"SELECT count(*) FROM raw.{dataset}__contested") == [(0,)]


def test_an_unknown_column_is_taken_and_noted_as_drift_and_order_is_free(world: World) -> None:
    world.rows("new;1,t1,1,c1,2017-03-01 10:00:00,1,2,0.5,true,2017-03-01,hi", header="fancy," + HEADER)
    result = world.load()
    assert (counts(result), result.drift) == ((1, 1, 0, 0), ["fancy"])
    assert world.query("SELECT column_name FROM ops.drift") == [("fancy",)]
    names = HEADER.split(",")
    world.land(",".join(reversed(names)) + "\n" + ",".join(reversed(GOOD.format(1).split(","))) + "\n")
    world.load()
    assert world.raw("transaction_id, note, net_amount::varchar") == [("t1", "hello", "9.99")]


def test_an_unknown_column_that_differs_in_case_alone_is_no_trouble(world: World) -> None:
    world.rows(GOOD.format(1) + ",other", header=HEADER + ",NOTE")
    world.load()
    assert world.raw("note") == [("hello",)]


def test_a_file_that_changes_after_it_was_looked_at_never_counts_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.land import check as looking

    path = world.good(1, 2)
    look = looking.inspect

    def look_then_change(*args: object) -> object:
        seen = look(*args)
        path.write_text(path.read_text("utf-8") + GOOD.format(3) + "\n", encoding="utf-8")
        return seen

    monkeypatch.setattr(looking, "inspect", look_then_change)
    with pytest.raises(LandingError, match="found that it changed while it was loaded"):
        world.load()
    monkeypatch.setattr(looking, "inspect", look)
    assert counts(world.load()) == (3, 3, 0, 0)
    monkeypatch.setattr(looking, "inspect", lambda *a: (look(*a), path.unlink())[0])
    path.write_text(f"{HEADER}\n", encoding="utf-8")
    with pytest.raises(LandingError, match="can be read to its end"):
        world.load()
    assert world.ids() == ["t1", "t2", "t3"]


def test_a_killed_load_leaves_the_partition_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.load import partitions

    world.good(1)
    world.load()
    world.good(2)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(partitions, "note_contested_keys", killed)
    with closing(connect(world.settings)), pytest.raises(KeyboardInterrupt):
        load_datasets(world.settings, "killed", None, None)
    assert world.ids() == ["t1"]


def test_rows_that_vanish_fail_the_load(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.load import reading
    from pipelines.load.state import PartitionLoad

    world.good(1, 2)

    def lossy(load: PartitionLoad) -> None:
        load.connection.execute("DELETE FROM raw.transactions WHERE transaction_id = 't1'")

    monkeypatch.setattr(reading, "set_duplicates_aside", lossy)
    with pytest.raises(LoadError, match="2 rows came in but 1 were loaded"):
        world.load()
    assert world.ids() == []
