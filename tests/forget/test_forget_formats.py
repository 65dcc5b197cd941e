"""However a deployment's sales are written, a rewritten file loads as the rows that were left in the warehouse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import steps
from pipelines.contracts.persons import treatment
from pipelines.load import load_datasets
from pipelines.warehouse import ledger
from tests.loading_world import GOOD, HEADER, World

ANNA = "ANNA-1"


def forget(world: World) -> None:
    run_id = ledger.new_run_id("forget", ledger.now().date())
    steps.start(world.settings, run_id, "forget", ledger.now().date())
    steps.forget(world.settings, run_id, ANNA)


def as_csv(world: World) -> Path:
    return world.rows(GOOD.format(1).replace("c1", ANNA), GOOD.format(2), GOOD.format(3))


def with_other_signs(world: World) -> Path:
    world.server(delimiter=";", quote="'", escape="\\", nullValue="-")
    lines = [line.replace(",", ";") for line in (HEADER, GOOD.format(1), GOOD.format(2), GOOD.format(3))]
    lines[1] = lines[1].replace("c1", ANNA).replace("hello", "'it\\'s; a\\\\b\nover two lines'")
    lines[2] = lines[2].replace("hello", "-")
    return world.land("\n".join(lines))


def in_another_encoding(world: World) -> Path:
    world.server(encoding="utf-16")
    text = "\n".join([HEADER, GOOD.format(1).replace("c1", ANNA), GOOD.format(2).replace("hello", "你好")])
    return world.land(text.encode("utf-16"))


def as_json_lines(world: World) -> Path:
    world.server(path="transactions/{date}/*.jsonl*", format="jsonl")
    rows = [dict(zip(HEADER.split(","), GOOD.format(n).split(","), strict=True)) for n in (1, 2)]
    rows[0]["customer_id"] = ANNA
    lines = [json.dumps(row).replace('"9.99"', "9.90") for row in rows]
    return world.land("\n".join(lines), name="sales.jsonl")


def as_parquet(world: World) -> Path:
    world.server(path="transactions/{date}/*.parquet", format="parquet")
    path = world.land(b"", name="sales.parquet")
    rows = ", ".join(
        f"('t{n}', 1, '{who}', timestamp '2017-03-01 10:00:00', 9.99::decimal(18,2), 2::decimal(18,3), 0.5::double, true, "
        "date '2017-03-01', 'hello')"
        for n, who in enumerate((ANNA, "c1"))
    )
    with duckdb.connect() as connection:
        connection.execute(f"copy (select * from (values {rows}) as t({HEADER})) to '{path}'")
    return path


def with_a_derived_number(world: World) -> Path:
    world.column("card").column("customer_id", transformLogic="upper(trim(card))")
    header = HEADER.replace("customer_id", "card")
    return world.rows(GOOD.format(1).replace("c1", " anna-1"), GOOD.format(2), header=header)


def with_rules_over_the_number(world: World) -> Path:
    world.column("customer_id", logicalTypeOptions={"pattern": r"^(c\d|ANNA-\d)$", "maxLength": 6})
    world.rule("number_is_known", "length(customer_id) < 7 AND customer_id <> 'erased'")
    return as_csv(world)


def with_optional_numbers(world: World) -> Path:
    world.column("customer_id", required=False)
    return as_csv(world)


def with_a_personal_column(world: World) -> Path:
    world.column("note", classification="pii", required=True)
    return as_csv(world)


@pytest.mark.parametrize(
    "land",
    [
        as_csv,
        with_other_signs,
        in_another_encoding,
        as_json_lines,
        as_parquet,
        with_a_derived_number,
        with_rules_over_the_number,
        with_optional_numbers,
        with_a_personal_column,
    ],
    ids=lambda land: land.__name__,
)
def test_a_rewritten_file_loads_as_what_was_left(tmp_path: Path, land: Callable[[World], Path]) -> None:
    world = World(tmp_path)
    path = land(world)
    before = world.load()
    assert before.quarantined == 0
    forget(world)
    columns = "* exclude (file_id)"
    left = world.raw(columns)
    assert len(left) == before.loaded
    assert world.raw("transaction_id", "customer_id is null") == [(left[0][0],)]
    assert ANNA.encode() not in path.read_bytes()
    assert world.load().files == 0, "the ledger knows the new file"
    load_datasets(world.settings, "again", None, None, reload=True)
    assert world.raw(columns) == left
    assert world.query("select count(*) from quarantine.transactions") == [(0,)]


def test_only_the_row_itself_is_written_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    path = as_json_lines(world)
    first, second = path.read_text().split("\n")
    world.load()
    forget(world)
    assert path.read_text().split("\n") == [first.replace(f'"{ANNA}"', '"erased"'), second]


@pytest.mark.parametrize("whose", [(1, ANNA), (ANNA, ANNA)], ids=["another row's", "their own"])
def test_a_quote_too_many_hides_nobody(tmp_path: Path, whose: tuple[object, str]) -> None:
    world = World(tmp_path).setting(toleratedRejectRate=0.9)
    world.server(path="transactions/{date}/*.jsonl*", format="jsonl")
    lines = [
        json.dumps({"note": "hello", **dict(zip(HEADER.split(","), GOOD.format(n).split(","), strict=True))})
        for n in (1, 2)
    ]
    broken, other = lines[0].replace('"hello"', '"5" pipe"'), lines[1]
    broken, other = (line.replace("c1", str(who)) for line, who in zip((broken, other), whose, strict=True))
    path = world.land("\n".join([broken, other]), name="sales.jsonl")
    world.load()
    forget(world)
    assert ANNA not in path.read_text()
    assert world.raw("transaction_id, customer_id") == [("t2", None)]
    kept = world.query("SELECT count(*) FROM quarantine.transactions")
    assert kept == [(0 if whose[0] == ANNA else 1,)]


def test_a_sale_whose_key_is_made_of_its_customer_goes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.column("receipt").column("transaction_id", transformLogic="receipt || '-' || customer_id")
    header = HEADER.replace("transaction_id", "receipt")
    path = world.rows(GOOD.format(1).replace("c1", ANNA), GOOD.format(2), header=header)
    world.load()
    forget(world)
    assert world.ids() == ["t2-c1"]
    assert path.read_text().splitlines() == [header, GOOD.format(2)]


@pytest.mark.parametrize(
    ("columns", "subjects", "references"),
    [
        ({}, ("customer_id",), ()),
        ({"payer_customer_id": {}}, ("customer_id",), ("payer_customer_id",)),
        (
            {"member": {"customProperties": [{"property": "customerNumber", "value": True}]}},
            ("customer_id", "member"),
            (),
        ),
    ],
)
def test_columns_say_whose_row_it_is(
    tmp_path: Path, columns: dict[str, Any], subjects: tuple[str, ...], references: tuple[str, ...]
) -> None:
    world = World(tmp_path)
    for name, changes in columns.items():
        world.column(name, **changes)
    found = treatment(world.parsed)
    assert (found.subjects, found.references) == (subjects, references)
    assert found.is_kept
