"""`ops.touched` holds every business date whose held rows a load can have changed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_world import DAY, GOOD, World
from shortening import examples

from pipelines.load import load_datasets

SECOND, THIRD = "2017-03-02", "2017-03-03"
FIRST = date(2017, 3, 1)


def load(world: World, **how: bool) -> set[str]:
    """Load what is landed; the business dates noted by it."""
    if world.settings.warehouse.exists():
        with duckdb.connect(str(world.settings.warehouse)) as connection:
            connection.execute("DELETE FROM ops.touched")
    load_datasets(world.settings, "run", None, None, **how)
    return touched(world)


def touched(world: World) -> set[str]:
    rows = world.query("SELECT dataset, business_date::varchar FROM ops.touched")
    assert len(rows) == len(set(rows)), "a date is noted once"
    assert {dataset for dataset, _ in rows} <= {"transactions"}
    return {day for _, day in rows}


def late(number: int, sold: str) -> str:
    return GOOD.format(number).replace("2017-03-01 10", f"{sold} 10")


def test_a_load_touches_the_business_dates_of_its_rows_not_of_its_files(world: World) -> None:
    world.rows(late(1, "2017-02-20"), late(2, DAY))
    assert load(world) == {"2017-02-20", DAY}
    assert load(world) == set()


def test_a_correction_touches_the_dates_that_its_rows_left_too(world: World) -> None:
    world.rows(late(1, "2017-02-20"))
    load(world)
    world.rows(late(1, "2017-02-21"))
    assert load(world) == {"2017-02-20", "2017-02-21"}


def test_dates_wait_until_a_build_takes_them_and_none_is_noted_twice(world: World) -> None:
    for amount in ("1.00", "2.00"):
        world.rows(GOOD.format(1).replace("9.99", amount))
        load_datasets(world.settings, "run", None, None)
    world.good(2, day=SECOND)
    load_datasets(world.settings, "run", None, None)
    assert touched(world) == {DAY, SECOND}


def test_a_newer_partitions_row_touches_the_date_of_the_older_row_that_holds_no_more(world: World) -> None:
    world.rows(late(1, "2017-02-20"))
    world.good(7, day=SECOND)
    load(world)
    world.rows(late(1, THIRD), day=THIRD)
    assert load(world) == {"2017-02-20", THIRD}


def test_a_removed_newer_row_touches_the_date_of_the_older_row_that_holds_again(world: World) -> None:
    world.rows(late(1, "2017-02-20"))
    gone = world.rows(late(1, THIRD), day=THIRD)
    load(world)
    gone.unlink()
    assert load(world, remove_missing=True) == {"2017-02-20", THIRD}
    assert load(world, remove_missing=True) == set()


def test_a_refused_load_touches_nothing(world: World) -> None:
    from pipelines.errors import LoadError

    world.good(1)
    load(world)
    world.setting(toleratedRejectRate=0).rows("bad")
    with duckdb.connect(str(world.settings.warehouse)) as connection:
        connection.execute("DELETE FROM ops.touched")
    with pytest.raises(LoadError):
        load_datasets(world.settings, "run", None, None)
    assert touched(world) == set()


def test_rows_read_carefully_are_touched_as_well(world: World) -> None:
    world.rows(late(1, "2017-02-20"), "short")
    load(world)
    world.rows("short", late(2, "2017-02-22"))
    assert load(world) == {"2017-02-20", "2017-02-22"}


@dataclass(frozen=True)
class Step:
    """One thing that happens to the landing folder: a partition gets these rows, or loses its file (None)."""

    partition: int
    rows: tuple[tuple[int, int, int], ...] | None
    """Number, days that the sale lies before its file's date, amount."""
    is_loaded: bool
    """Whether a load comes before the next step."""
    reload: bool


ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 2)), max_size=4).map(tuple)
STEPS = st.lists(
    st.builds(Step, st.integers(0, 3), st.none() | ROWS, st.booleans(), st.booleans()),
    min_size=2,
    max_size=8,
)


def held(world: World) -> dict[str, list[Any]]:
    """The rows that hold by the plain definition, over all keys, by business date."""
    found: dict[str, list[Any]] = {}
    for day, *row in world.query(
        "SELECT business_date::varchar, transaction_id, partition_date, net_amount FROM raw.transactions "
        "QUALIFY row_number() OVER (PARTITION BY transaction_id, line_number ORDER BY partition_date DESC) = 1 "
        "ORDER BY ALL"
    ):
        found.setdefault(day, []).append(row)
    return found


def contested_are_right(world: World) -> bool:
    several = "SELECT transaction_id, line_number FROM raw.transactions GROUP BY ALL HAVING count(*) > 1"
    noted = "SELECT transaction_id, line_number FROM raw.transactions__contested"
    return sorted(world.query(several)) == sorted(world.query(noted))


@pytest.mark.search
@settings(max_examples=examples(3, 25), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_after_any_history_each_date_whose_held_rows_differ_has_been_touched(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as home:
        world = World(Path(home)).setting(toleratedKeyReuseRate=1)
        world.land("", day="2000-01-01", name="readme.txt")  # the landing folder is never empty
        load(world)
        before = held(world)
        for step in steps:
            day = FIRST + timedelta(days=step.partition)
            if step.rows is None:
                (world.settings.landing / "transactions" / str(day) / "sales.csv").unlink(missing_ok=True)
            else:
                lines = [
                    late(number, str(day - timedelta(days=ago))).replace("9.99", f"{amount}.00")
                    for number, ago, amount in step.rows
                ]
                world.rows(*lines, day=str(day))
            if not step.is_loaded:
                continue
            noted = load(world, reload=step.reload, remove_missing=True)
            now = held(world)
            differ = {d for d in before | now if before.get(d) != now.get(d)}
            assert differ <= noted
            assert contested_are_right(world)
            before = now
