"""A plan says exactly what a load would do, and changes nothing."""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_world import DAY, GOOD, HEADER, World
from shortening import examples

from pipelines.errors import LandingError, LoadError, LockedError, StorageError, WarehouseDamagedError
from pipelines.load import load_datasets
from pipelines.load import plan as planning
from pipelines.load.plan import LoadPlan, PartitionPlan, plan_load
from pipelines.settings import PROJECT_DIR

SECOND, THIRD = "2017-03-02", "2017-03-03"
FIRST = date(2017, 3, 1)


def plan(world: World, **how: Any) -> LoadPlan:
    """Plan for all that is landed; asserts on the way that nothing else changes."""
    seen = fingerprint(world.settings.warehouse)
    planned = plan_load(world.settings, how.pop("first", None), how.pop("last", None), **how)
    assert fingerprint(world.settings.warehouse) == seen, "the warehouse was written"
    assert not list(world.settings.var.glob("plan-*")), "scratch was left behind"
    return planned


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def only(planned: LoadPlan) -> PartitionPlan:
    (partition,) = planned.partitions
    return partition


def states(planned: LoadPlan) -> dict[str, str]:
    return {str(p.date): p.state for p in planned.partitions}


def sold(number: int, day: str, amount: str = "9.99") -> str:
    return GOOD.format(number).replace("2017-03-01 10", f"{day} 10").replace("9.99", amount)


def customers(world: World, day: str, *rows: str) -> None:
    """Land customers, by the shipped contract."""
    target = world.home / "data_contracts" / "sources" / "customers.odcs.yaml"
    if not target.exists():
        shutil.copy(PROJECT_DIR / "data_contracts" / "sources" / target.name, target)
    names = [c.source_name for c in planning.source_contracts(world.settings)["customers"].source_columns]
    path = world.settings.landing / "customers" / day / "customers.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(names), *(f"{row}{',' * (len(names) - 1 - row.count(','))}" for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_a_plan_without_a_warehouse_is_all_new_and_makes_no_warehouse(world: World) -> None:
    world.rows(sold(1, "2017-02-28"), GOOD.format(2), GOOD.format(2), "short")
    world.good(3, day=SECOND)
    planned = plan(world)
    assert not world.settings.warehouse.exists()
    first = PartitionPlan("transactions", FIRST, "new", 1, 0, 2, 2, 0, 0, 1, 1, None)
    assert planned.partitions == [
        first,
        PartitionPlan("transactions", date(2017, 3, 2), "new", 1, 0, 1, 1, 0, 0),
    ]
    assert planned.as_dict() == {
        "partitions": [{**vars(p), "date": str(p.date)} for p in planned.partitions],
        "months": [
            {"month": "2017-02", "added": 1, "removed": 0, "changed": 0},
            {"month": "2017-03", "added": 2, "removed": 0, "changed": 0},
        ],
        "snapshot_datasets": [],
        "marts_from": "2017-02",
        "problems": [],
        "totals": {
            "partitions": {"new": 2},
            "files": 2,
            "rows_now": 0,
            "rows_after": 3,
            "added": 3,
            "removed": 0,
            "changed": 0,
            "quarantined": 1,
            "rejected": 0,
            "ignored": 0,
            "duplicates": 1,
        },
    }


def test_a_correction_is_told_row_by_row_and_by_business_month(world: World) -> None:
    world.rows(GOOD.format(1), sold(2, "2017-02-10"), GOOD.format(3), sold(4, "2017-01-31"))
    world.good(5, day=SECOND)
    world.load()
    # t1 dearer, t2 gone, t3 as it was, t4 moved to March, t6 new
    world.rows(sold(1, DAY, "8.00"), GOOD.format(3), GOOD.format(4), GOOD.format(6))
    planned = plan(world)
    assert states(planned) == {DAY: "changed", SECOND: "unchanged"}
    changed = planned.partitions[0]
    assert (changed.rows_now, changed.rows_after) == (4, 4)
    assert (changed.added, changed.removed, changed.changed) == (1, 1, 2)
    assert planned.months == {
        "2017-01": {"added": 0, "removed": 1, "changed": 0},
        "2017-02": {"added": 0, "removed": 1, "changed": 0},
        "2017-03": {"added": 2, "removed": 0, "changed": 1},
    }
    assert planned.marts_from == "2017-01"


def test_unchanged_partitions_are_listed_unread_and_read_only_on_reload(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rows(GOOD.format(1), GOOD.format(1), "short")
    world.load()
    planned = plan(world, reload=True)
    again = only(planned)
    assert (again.state, again.message) == ("unchanged", "is loaded again, with the same rows")
    assert (planned.months, planned.marts_from) == ({}, None)
    monkeypatch.setattr(planning, "load_partitions", None)  # so nothing can be loaded
    left = only(plan(world))
    assert (left.state, left.message, left.files) == ("unchanged", None, 1)
    assert (left.rows_now, left.rows_after, left.quarantined, left.duplicates) == (1, 1, 1, 1)


def test_a_missing_partition_keeps_its_rows_unless_they_are_to_be_removed(world: World) -> None:
    world.rows(GOOD.format(1), "short")
    world.good(2, day=SECOND)
    world.load()
    (world.settings.landing / "transactions" / DAY / "sales.csv").unlink()
    kept = plan(world, last=FIRST)
    assert (only(kept).state, only(kept).files, only(kept).rows_after) == ("missing", 0, 1)
    assert "--remove-missing" in str(only(kept).message)
    assert kept.marts_from is None
    gone = plan(world, remove_missing=True)
    partition = gone.partitions[0]
    assert (partition.state, partition.rows_now, partition.rows_after) == ("missing", 1, 0)
    assert (partition.removed, partition.quarantined) == (1, 0)
    assert gone.months == {"2017-03": {"added": 0, "removed": 1, "changed": 0}}
    shutil.rmtree(world.settings.landing)
    with pytest.raises(LandingError, match="nothing was removed"):
        plan(world, remove_missing=True)


def test_a_refused_file_and_a_rejected_load_are_states_and_the_rest_is_planned(world: World) -> None:
    world.setting(toleratedRejectRate=0)
    world.good(1)
    world.load()
    world.rows("bad")
    world.land("", day=SECOND)
    world.good(3, day=THIRD)
    planned = plan(world)
    assert states(planned) == {DAY: "rejected", SECOND: "refused", THIRD: "new"}
    rejected, refused, good = planned.partitions
    assert (rejected.rows_now, rejected.rows_after) == (1, 1)
    assert "1 of 1 rows break the contract" in str(rejected.message)
    assert "expected a csv file, found an empty file" in str(refused.message)
    assert (good.added, good.message) == (1, None)
    assert len(planned.problems) == 2
    assert "None of the 2 dates of this load" in planned.problems[1]


def test_a_column_type_that_the_warehouse_cannot_take_is_a_state(world: World) -> None:
    world.good(1)
    world.load()
    world.column("score", physicalType="INTEGER").good(2, day=SECOND)
    planned = plan(world)
    assert states(planned) == {DAY: "rejected", SECOND: "rejected"}
    assert "raw.transactions.score is DOUBLE but the contract now says INTEGER" in planned.problems[0]


def test_a_column_that_came_or_went_counts_as_a_change(world: World) -> None:
    world.good(1)
    world.load()
    properties = world.contract["schema"][0]["properties"]
    world.contract["schema"][0]["properties"] = [p for p in properties if p["name"] != "note"]
    world.write()
    assert only(plan(world)).changed == 1
    world.load()
    assert (only(plan(world)).state, world.raw("note")) == ("unchanged", [(None,)])
    world.column("note", physicalName="note")
    assert only(plan(world)).changed == 1


def test_a_removed_row_that_lets_an_older_one_hold_again_starts_at_the_older_ones_month(world: World) -> None:
    world.rows(sold(1, "2017-01-15"))
    world.rows(sold(1, THIRD), sold(2, THIRD), day=THIRD)
    world.load()
    world.rows(sold(2, THIRD), day=THIRD)
    planned = plan(world)
    assert planned.months == {"2017-03": {"added": 0, "removed": 1, "changed": 0}}
    assert planned.marts_from == "2017-01"


def test_master_data_counts_by_its_partitions_month_and_from_its_first_transaction(world: World) -> None:
    world.rows(sold(1, "2016-11-05"))
    customers(world, THIRD, "c1")
    planned = plan(world)
    assert planned.snapshot_datasets == ["customers"]
    assert planned.months["2017-03"] == {"added": 1, "removed": 0, "changed": 0}
    assert planned.marts_from == "2016-11"
    load_datasets(world.settings, "run", None, None)
    customers(world, "2017-03-04", "c1", "c9")
    assert plan(world).marts_from == "2016-11"
    customers(world, "2017-03-04", "c9")
    assert plan(world).marts_from == "2017-03"


def test_only_the_datasets_and_the_range_asked_for_are_planned(world: World) -> None:
    world.good(1)
    world.good(2, day=SECOND)
    customers(world, SECOND, "c1")
    asked = plan(world, first=date(2017, 3, 2), last=date(2017, 3, 2), datasets=["transactions"])
    assert [(p.dataset, str(p.date)) for p in asked.partitions] == [("transactions", SECOND)]


def test_a_plan_says_what_it_reads(world: World) -> None:
    world.good(1)
    said: list[str] = []
    plan(world, say=said.append)
    assert said == ["transactions: 1 files of 1 dates", "comparing with the warehouse"]


def test_a_plan_holds_the_lock_only_while_it_reads_the_warehouse(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.good(1)
    world.load()
    world.good(2, day=SECOND)
    free: list[bool] = []
    run = planning.load_partitions

    def run_and_look(load: planning.PartitionLoad) -> Any:
        lock = FileLock(world.settings.warehouse.with_name("lock"))
        lock.acquire(timeout=0)
        lock.release()
        with closing(duckdb.connect(str(world.settings.warehouse))) as writer:
            writer.execute("CREATE OR REPLACE TABLE ops.written AS SELECT 1")
        free.append(True)
        return run(load)

    monkeypatch.setattr(planning, "load_partitions", run_and_look)
    planned = plan_load(world.settings, None, None)
    assert (free, states(planned)) == ([True], {DAY: "unchanged", SECOND: "new"})


def _hold(path: str, held: Any, enough: Any) -> None:
    with FileLock(path):
        held.set()
        enough.wait(60)


def test_a_plan_waits_for_a_writer_and_gives_up_by_name(world: World) -> None:
    world.good(1)
    world.load()
    context = multiprocessing.get_context("spawn")
    held, enough = context.Event(), context.Event()
    writer = context.Process(
        target=_hold, args=(str(world.settings.warehouse.with_name("lock")), held, enough)
    )
    writer.start()
    try:
        assert held.wait(60)
        impatient = world.settings.model_copy(update={"lock_timeout_seconds": 0.2})
        with pytest.raises(LockedError, match="is being written by"):
            plan_load(impatient, None, None)
    finally:
        enough.set()
        writer.join(60)


def test_scratch_goes_whatever_happens_and_so_does_that_of_a_killed_plan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.good(1)
    (world.settings.var / "plan-killed").mkdir(parents=True)
    in_use = world.settings.var / "plan-in-use"
    in_use.mkdir()

    def killed(*_: object) -> None:
        assert len(list(world.settings.var.glob("plan-*"))) == 2, "its own, and the one in use"
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "load_partitions", killed)
    with FileLock(in_use / "lock"), pytest.raises(KeyboardInterrupt):
        plan_load(world.settings, None, None)
    assert list(world.settings.var.glob("plan-*")) == [in_use]


def test_a_full_disk_is_no_fault_of_the_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.good(1)

    def full(*_: object) -> None:
        raise LoadError(
            "transactions cannot be loaded: IO Error: Could not write file: No space left on device"
        )

    monkeypatch.setattr(planning, "load_partitions", full)
    with pytest.raises(StorageError, match="no space is left on the disk"):
        plan(world)


def test_a_warehouse_that_is_no_database_is_named(world: World) -> None:
    world.good(1)
    world.settings.warehouse.parent.mkdir(parents=True)
    world.settings.warehouse.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseDamagedError, match=r"mainstay.duckdb is damaged"):
        plan(world)


ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40), st.integers(1, 2)), max_size=4)
LANDED = st.dictionaries(st.integers(0, 3), ROWS, min_size=1)


def land(world: World, partitions: dict[int, list[tuple[int, int, int]]]) -> None:
    for path in (world.settings.landing / "transactions").glob("*/sales.csv"):
        path.unlink()
    for number, rows in partitions.items():
        day = FIRST + timedelta(days=number)
        lines = [sold(key, str(day - timedelta(days=ago)), f"{amount}.00") for key, ago, amount in rows]
        world.rows(*lines, day=str(day))


def by_key(world: World, columns: str, where: str = "true") -> dict[Any, Any]:
    rows = world.query(f"SELECT {columns} FROM raw.transactions WHERE {where}")
    return {row[0]: row[1:] for row in rows}


def first_difference(
    before: dict[Any, Any], after: dict[Any, Any], day_of: Callable[[Any], str]
) -> str | None:
    days = [day_of(side[k]) for k in before | after if before.get(k) != after.get(k)
            for side in (before, after) if k in side]  # fmt: skip
    return min(days, default=None)


@pytest.mark.search
@settings(max_examples=examples(2, 15), deadline=None, suppress_health_check=list(HealthCheck))
@given(earlier=LANDED, later=LANDED, reload=st.booleans(), remove_missing=st.booleans())
def test_what_is_planned_is_what_then_happens(
    earlier: dict[int, Any], later: dict[int, Any], reload: bool, remove_missing: bool
) -> None:
    how = {"reload": reload, "remove_missing": remove_missing}
    everything = "(partition_date, transaction_id, line_number), business_date::varchar, net_amount, note"
    holds = (
        "partition_date = (SELECT max(o.partition_date) FROM raw.transactions AS o "
        "WHERE o.transaction_id = transactions.transaction_id)"
    )
    with tempfile.TemporaryDirectory() as home:
        world = World(Path(home)).setting(toleratedKeyReuseRate=1)
        land(world, earlier)
        load_datasets(world.settings, "earlier", None, None)
        land(world, later)
        planned = plan(world, **how)
        before, held_before = by_key(world, everything), by_key(world, everything, holds)
        load_datasets(world.settings, "later", None, None, **how)
        after, held_after = by_key(world, everything), by_key(world, everything, holds)
        counted = world.query(
            "SELECT partition_date, sum(duplicates)::int, sum(loaded)::int FROM ops.files "
            "WHERE status = 'loaded' GROUP BY ALL"
        )
    loaded = {day: (duplicates, rows) for day, duplicates, rows in counted}
    for p in planned.partitions:
        was = {k: v for k, v in before.items() if k[0] == p.date}
        now = {k: v for k, v in after.items() if k[0] == p.date}
        assert (p.rows_now, p.rows_after) == (len(was), len(now))
        assert (p.added, p.removed) == (len(now.keys() - was.keys()), len(was.keys() - now.keys()))
        assert p.changed == sum(was[k] != now[k] for k in was.keys() & now.keys())
        assert (p.duplicates, p.rows_after) == loaded.get(p.date, (0, 0))
    assert {p.date for p in planned.partitions} >= {k[0] for k in before | after}
    totals = planned.totals
    assert sum(m["added"] - m["removed"] for m in planned.months.values()) == len(after) - len(before)
    assert totals["rows_after"] - totals["rows_now"] == len(after) - len(before)
    start = first_difference(held_before, held_after, lambda row: str(row[0]))
    if start is not None:
        assert planned.marts_from is not None
        assert planned.marts_from <= start[:7]
    assert (planned.marts_from is None) == (before == after)


def test_the_header_alone_empties_a_date_in_the_plan_too(world: World) -> None:
    world.good(1)
    world.load()
    world.land(f"{HEADER}\n")
    emptied = only(plan(world))
    assert (emptied.state, emptied.rows_now, emptied.rows_after, emptied.removed) == ("changed", 1, 0, 1)


def test_a_plan_says_that_keys_reused_against_the_warehouse_would_stop_the_load(world: World) -> None:
    world.setting(toleratedKeyReuseRate=0.5).good(1, 2)
    world.load()
    world.rows(GOOD.format(1).replace("c1", "c2"), day=SECOND)
    planned = plan(world)
    assert [p.state for p in planned.partitions] == ["unchanged", "rejected"]
    assert "2017-03-02: 1 of 1 rows have the transaction_id with line_number" in planned.problems[0]
    world.rows(GOOD.format(1).replace("c1", "c2"), GOOD.format(3), day=SECOND)
    assert plan(world).problems == []
