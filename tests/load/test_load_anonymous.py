"""Sales without a customer: loaded where the contract lets them be, with blanks and placeholders made empty."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_world import HEADER, World, counts

from pipelines.contracts import source_contracts
from pipelines.errors import ContractError, LoadError
from pipelines.settings import Settings

NOBODY = ["", '""', "   ", '" \t"', "99999", " 99999 ", "NULL", "\u3000"]


def line(number: int, customer: str) -> str:
    return f"t{number},1,{customer},2017-03-01 10:00:00,9.99,2,0.5,true,2017-03-01,hello"


@pytest.fixture
def open_world(tmp_path: Path) -> World:
    """A shop whose tills write a number for those whom they do not know."""
    world = World(tmp_path).setting(toleratedRejectRate=0.5)
    return world.column(
        "customer_id",
        required=False,
        customProperties=[{"property": "anonymousValues", "value": ["99999", "NULL"]}],
    )


@pytest.mark.parametrize("beside", ["", "t99,1,c1,yesterday,1,2,0.5,true,2017-03-01,hello"])
def test_whoever_is_nobody_becomes_empty_in_both_ways_of_reading(open_world: World, beside: str) -> None:
    lines = [line(n, text) for n, text in enumerate([*NOBODY, "c1", "0099999", "null"])]
    open_world.rows(*lines, *([beside] if beside else []))
    assert counts(open_world.load())[1:] == (len(lines), int(bool(beside)), 0)
    found = [row[0] for row in open_world.raw("customer_id", f"transaction_id <> 't{len(NOBODY)}'")]
    assert sorted(found, key=str) == sorted([None] * len(NOBODY) + ["0099999", "null"], key=str)


def test_of_json_lines_and_parquet_too(open_world: World) -> None:
    row = dict(zip(HEADER.split(","), line(1, "x").split(","), strict=True))
    people = ["99999", " ", None, "c1"]
    open_world.server(format="jsonl", path="transactions/{date}/*.jsonl")
    rows = [row | {"transaction_id": f"t{n}", "customer_id": who} for n, who in enumerate(people)]
    open_world.land("".join(json.dumps(r) + "\n" for r in rows), name="sales.jsonl")
    open_world.load()
    assert open_world.raw("customer_id") == [(None,), (None,), (None,), ("c1",)]
    open_world.server(format="parquet", path="transactions/{date}/*.parquet")
    table = pa.table({name: pa.array([r[name] for r in rows], pa.string()) for name in HEADER.split(",")})
    pq.write_table(table, open_world.land(b"", name="sales.parquet"))
    open_world.load()
    assert open_world.raw("customer_id") == [(None,), (None,), (None,), ("c1",)]


def test_of_an_expression_too(open_world: World) -> None:
    open_world.column("customer_id", transformLogic="split_part(note, '-', 2)")
    header = HEADER.replace("customer_id,", "")
    notes = ["card-c1", "card-99999", "card-", "cash"]
    open_world.rows(
        *(f"t{n},1,2017-03-01 10:00:00,9.99,2,0.5,true,2017-03-01,{note}" for n, note in enumerate(notes)),
        header=header,
    )
    open_world.load()
    assert open_world.raw("customer_id") == [("c1",), (None,), (None,), (None,)]


def test_without_a_list_blanks_alone_are_nobody(tmp_path: Path) -> None:
    world = World(tmp_path).column("customer_id", required=False)
    world.rows(line(1, "  "), line(2, ""), line(3, "99999"))
    assert counts(world.load()) == (3, 3, 0, 0)
    assert world.raw("customer_id") == [(None,), (None,), ("99999",)]


def test_the_shipped_contract_still_wants_a_customer(tmp_path: Path) -> None:
    world = World(tmp_path).setting(toleratedRejectRate=0)
    world.rows(line(1, ""), line(2, "c1"))
    with pytest.raises(LoadError, match="customer_id"):
        world.load()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": "99999"}, "no list of texts"),
        ({"value": [99999]}, "no list of texts.*in quotes"),
        ({"value": ["99999"], "required": True}, "may not be; set required: false"),
    ],
)
def test_a_wrong_list_is_refused_by_its_place(tmp_path: Path, changes: dict, said: str) -> None:
    world = World(tmp_path).column(
        "customer_id",
        required=changes.get("required", False),
        customProperties=[{"property": "anonymousValues", "value": changes["value"]}],
    )
    with pytest.raises(ContractError, match=rf"column customer_id: anonymousValues: .*{said}"):
        source_contracts(Settings(home=world.home))
