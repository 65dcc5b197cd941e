"""The loader in Spark's tasks, and keys across partitions in Spark's SQL: as DuckDB has them, whatever happens to a task."""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployments import ODD_NAME
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_world import DAY, GOOD, HEADER, document
from shortening import examples

from pipelines.errors import EngineError, LandingError, LoadError
from pipelines.load.plan import plan_load
from pipelines.warehouse.spark.spread import SparkSpread
from tests.spark.loading_pair import Pair, in_process, rows
from tests.spark.sessions import needs_spark

pytestmark = needs_spark

SECOND, THIRD = "2017-03-02", "2017-03-03"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    pair = Pair(tmp_path)
    pair.world.setting(toleratedRejectRate=1, toleratedKeyReuseRate=1)
    return pair


def late(number: int, sold: str, customer: str = "c1") -> str:
    return GOOD.format(number).replace("2017-03-01 10", f"{sold} 10").replace(",c1,", f",{customer},")


def test_keys_of_several_dates_are_contested_reused_and_touch_the_same_dates(pair: Pair) -> None:
    world = pair.world
    world.rows(late(1, "2017-02-20"), late(2, DAY), late(3, DAY), "short", late(3, "2017-02-19", "c9"))
    world.rows(late(2, DAY), late(4, SECOND), day=SECOND)
    pair.load()
    world.rows(late(1, "2017-02-20", "c2"), late(4, SECOND, ""), late(5, THIRD), day=THIRD)
    told = pair.load()
    assert next(of["reused"] for of in told if of["dataset"] == "transactions")
    world.rows(late(2, "2017-02-27"), day=DAY)
    (world.settings.landing / "transactions" / THIRD / "sales.csv").unlink()
    pair.load(remove_missing=True)
    assert pair.spark.query("FROM raw.transactions__contested") == [("t2", 1)]
    world.setting(toleratedKeyReuseRate=0.1)
    world.rows(late(1, THIRD, "c3"), late(2, THIRD), day=THIRD)
    kind, text = pair.load()
    assert kind is LoadError
    assert "have the transaction_id" in text


TAKEN = ("day", "customer", "shared", "place", "before", "earlier", "is_new")
"""Names that a query over keys might have for something else."""


def test_columns_of_a_key_have_any_name(pair: Pair) -> None:
    own = document()
    table = own["schema"][0]
    own["name"] = table["name"] = "visits"
    own["servers"][0]["path"] = "visits/{date}/*.csv"
    own["customProperties"].append({"property": "toleratedKeyReuseRate", "value": 1})
    for position, name in enumerate(TAKEN, start=3):
        column = {
            "name": name,
            "physicalType": "VARCHAR",
            "transformLogic": "transaction_id",
            "required": True,
        }
        table["properties"].append(column | {"primaryKey": True, "primaryKeyPosition": position})
    path = pair.world.contract_path.with_name("visits.odcs.yaml")
    path.write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    model = pair.home / "models" / "staging" / "stg_visits.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1", encoding="utf-8")  # loading asks no more than whether it is there
    for day, customer in ((DAY, "c1"), (SECOND, "c2")):
        pair.world.land(f"{HEADER}\n{late(1, DAY, customer)}\n{late(2, DAY)}\n", f"../visits/{day}")
        told = pair.load(datasets=["visits"])
    assert [of["reused"] for of in told] == [1]
    for tables in ("raw.visits", "raw.visits__contested", "duplicates.visits", "quarantine.visits"):
        assert rows(pair.spark.settings, tables) == rows(pair.world.settings, tables)
    assert len(pair.spark.query("FROM raw.visits__contested")) == 2
    assert plan_load(pair.world.settings, None, None, ["visits"], reload=True).problems == []


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    pair = Pair(tmp_path / ODD_NAME)
    pair.world.setting(toleratedRejectRate=1, toleratedKeyReuseRate=1)
    pair.world.rows(late(1, DAY), "short")
    pair.load()
    pair.world.rows(late(1, DAY, "c2"), day=SECOND)
    pair.load()
    assert pair.spark.query("FROM raw.transactions__contested") == [("t1", 1)]


def test_a_task_that_dies_is_tried_again_and_what_one_raises_is_raised(pair: Pair, tmp_path: Path) -> None:
    mark, spread = tmp_path / "died", SparkSpread(pair.spark.settings)

    class NotToBeMadeAgainError(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    def work(task: int) -> int:
        if task == 7:
            raise LandingError("file 7 is refused")
        if task == 8:
            raise NotToBeMadeAgainError(task, task)
        if task == 2 and not mark.exists():
            mark.touch()
            os._exit(1)
        return task + 1

    assert spread.map(work, [1, 2, 3]) == [2, 3, 4]
    with pytest.raises(LandingError, match="file 7 is refused"):
        spread.map(work, [1, 7])
    with pytest.raises(RuntimeError, match="NotToBeMadeAgainError: 8 and 8"):
        spread.map(work, [8])


@pytest.mark.soak
def test_a_task_that_always_dies_ends_the_load_with_a_sentence(pair: Pair) -> None:
    with pytest.raises(EngineError, match="could not end the work of 1 tasks"):
        SparkSpread(pair.spark.settings).map(lambda _: os._exit(1), [1])


FIRST = date(2017, 3, 1)
LINES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 2), st.sampled_from(["c1", "c2", ""])), max_size=4
).map(tuple)
STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.none() | LINES, st.booleans(), st.booleans()), min_size=2, max_size=8
)


@pytest.mark.search
@settings(max_examples=examples(1, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, reuse=st.sampled_from([0.3, 1]))
def test_after_any_history_both_engines_hold_and_note_the_same(
    steps: list[tuple[int, Any, bool, bool]], reuse: float
) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        in_process(patch)
        pair = Pair(Path(home))
        pair.world.setting(toleratedRejectRate=1, toleratedKeyReuseRate=reuse)
        pair.world.land("", day="2000-01-01", name="readme.txt")  # the landing folder is never empty
        for number, (place, lines, is_loaded, reload) in enumerate(steps):
            day = FIRST + timedelta(days=place)
            if lines is None:
                (pair.world.settings.landing / "transactions" / str(day) / "sales.csv").unlink(
                    missing_ok=True
                )
            else:
                sold = [late(n, str(day - timedelta(days=ago)), who) for n, ago, who in lines]
                pair.world.rows(*sold, day=str(day))
            if is_loaded or number == len(steps) - 1:
                pair.load(reload=reload, remove_missing=True)
