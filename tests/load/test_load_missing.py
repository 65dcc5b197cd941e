"""A column that may be missing: files with and without it are good, and load the same; any other column is a file's duty."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_world import HEADER, World, counts

from pipelines.contracts import source_contracts
from pipelines.errors import ContractError, LandingError

NAMES = HEADER.split(",")
LINES = [f"t{n},1,c{n},2017-03-01 10:00:00,9.99,2,0.5,true,2017-03-01,hello" for n in range(3)]
BAD = "t9,1,c9,yesterday,9.99,2,0.5,true,2017-03-01,hello"


def without_note(lines: list[str]) -> list[str]:
    return [line.rpartition(",")[0] for line in lines]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return (
        World(tmp_path)
        .setting(toleratedRejectRate=0.5)
        .column("note", customProperties=[{"property": "mayBeMissing", "value": True}])
    )


@pytest.mark.parametrize("beside", [[], [BAD]])
def test_of_csv_in_both_ways_of_reading(world: World, beside: list[str]) -> None:
    lines = [*LINES, *beside]
    world.land("\n".join([HEADER, *lines]) + "\n", name="with.csv")
    others = [line.replace("t", "u", 1) for line in lines]
    world.land(
        "\n".join([HEADER.rpartition(",")[0], *without_note(others)]) + "\n",
        name="without.csv",
    )
    assert counts(world.load())[1:] == (6, 2 * len(beside), 0)
    assert sorted(world.raw("note"), key=str) == sorted([("hello",)] * 3 + [(None,)] * 3, key=str)


def test_of_parquet_and_json_lines(world: World) -> None:
    row = dict(zip(NAMES, LINES[0].split(","), strict=True))
    del row["note"]
    world.server(format="jsonl", path="transactions/{date}/*.jsonl")
    world.land(json.dumps(row) + "\n", name="sales.jsonl")
    world.load()
    assert world.raw("note") == [(None,)]
    world.server(format="parquet", path="transactions/{date}/*.parquet")
    pq.write_table(
        pa.table({n: pa.array([v], pa.string()) for n, v in row.items()}), world.land(b"", name="s.parquet")
    )
    world.load()
    assert world.raw("note") == [(None,)]


def test_another_column_is_still_asked_for(world: World) -> None:
    world.land("\n".join(["transaction_id,line_number,customer_id", "t1,1,c1"]) + "\n")
    with pytest.raises(LandingError, match="expected the columns transaction_at") as refused:
        world.load()
    assert "note" not in str(refused.value).split("found")[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"required": True}, "true only of a column that may be empty"),
        ({"transformLogic": "'x'"}, "always filled or derived"),
    ],
)
def test_what_is_always_filled_cannot_be_missing(world: World, changes: dict[str, object], says: str) -> None:
    world.column("note", **changes)
    with pytest.raises(ContractError, match=says):
        source_contracts(world.settings)
