"""Broken rows go with whom they are about and with nobody else, and a kept sale keeps nothing that no load reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import steps
from pipelines.forget import scrubber
from pipelines.forget.seek import stands_in
from pipelines.load import load_datasets
from pipelines.warehouse import ledger
from tests.forget.forgetting_world import KilledError, kill_at
from tests.loading_world import DAY, GOOD, HEADER, World

ANNA = "ANNA-1"
LATER = "2017-03-02"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path).setting(toleratedRejectRate=0.9)


def forget(world: World, number: str = ANNA) -> None:
    run_id = ledger.new_run_id("forget", ledger.now().date())
    steps.start(world.settings, run_id, "forget", ledger.now().date())
    steps.forget(world.settings, run_id, number)


def killed(world: World, moment: str) -> None:
    """The erasure is killed at a moment, and finished by the next run."""
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, moment)
        with pytest.raises(KilledError):
            forget(world)
    run_id = ledger.new_run_id("forget", ledger.now().date())
    steps.start(world.settings, run_id, "forget", ledger.now().date())
    steps.finish_forgetting(world.settings, run_id)


def again(world: World) -> None:
    """Everything is loaded once more, as a night does it."""
    load_datasets(world.settings, "again", None, None, reload=True, scrub=scrubber(world.settings))


def quarantined(world: World) -> list[str]:
    return [text for (text,) in world.query("SELECT raw_text FROM quarantine.transactions ORDER BY 1")]


def test_a_number_elsewhere_in_somebody_elses_broken_row_is_none(world: World) -> None:
    theirs, broken = GOOD.format(1).replace(",c1,", ",2,"), GOOD.replace("9.99", "no amount")
    others, nobodys = broken.format(4), broken.format(5).replace(",c1,", ",,")
    not_cut = GOOD.format(6).removesuffix(",hello")
    path = world.rows(theirs, GOOD.format(7), others, nobodys, not_cut)
    world.load()
    forget(world, "2")
    assert quarantined(world) == [others]
    assert path.read_text().splitlines()[2:] == [GOOD.format(7), others]
    assert world.query("SELECT rows_in, loaded, quarantined, erased FROM ops.files") == [(5, 2, 1, 2)]
    later = world.rows(*(x.replace(DAY, LATER) for x in (GOOD.format(8), others, nobodys)), day=LATER)
    again(world)
    assert quarantined(world) == [others, others.replace(DAY, LATER)]
    assert later.read_text().splitlines()[2:] == [others.replace(DAY, LATER)]


def test_a_number_that_breaks_its_own_rule_says_nobody(world: World) -> None:
    world.column("customer_id", logicalTypeOptions={"pattern": r"^(c\d|ANNA-\d)$"})
    shifted = GOOD.format(2).replace(",c1,", ",1,").replace("hello", ANNA)
    world.rows(GOOD.format(1).replace("c1", ANNA), shifted, GOOD.format(3))
    world.load()
    assert quarantined(world) == [shifted]
    forget(world)
    assert quarantined(world) == []


def test_a_value_that_others_have_too_is_nobodys(world: World) -> None:
    world.column("note", classification="pii").column("name", classification="pii")
    header = f"{HEADER},name"
    cut_short = "t{},1,{},{}"
    rows = [
        GOOD.format(1).replace("c1", ANNA).replace("hello", "female") + ",Maria",
        GOOD.format(2).replace("hello", "female") + ",Bettina",
        cut_short.format(3, "x", "female"),
        cut_short.format(4, "x", "Mariana"),
        cut_short.format(5, "x", "Maria"),
    ]
    path = world.rows(*rows, header=header)
    world.load()
    forget(world)
    assert quarantined(world) == rows[2:4]
    assert path.read_text().splitlines()[2:] == rows[1:4]


def test_a_value_stands_as_words_of_its_own() -> None:
    assert stands_in("Maria", "to Maria, again")
    assert stands_in("+49 123", "tel:+49 123")
    assert not stands_in("Maria", "Mariana")
    assert not stands_in("12345", "9912345")
    assert stands_in("朝阳区建国路", "北京市朝阳区建国路5号"), "Chinese does not part its words"


def with_extra_csv(world: World) -> Path:
    world.setting(ignoreColumns=["told_name"])
    world.rows(
        *(GOOD.format(n).replace("c1", who) + f",{who} Weiss,555{who}" for n, who in enumerate((ANNA, "c1"))),
        header=f"{HEADER},told_name,phone",
    )
    return world.settings.landing / "transactions" / DAY / "sales.csv"


def with_extra_json(world: World) -> Path:
    world.server(path="transactions/{date}/*.jsonl*", format="jsonl")
    rows = [
        dict(zip(HEADER.split(","), GOOD.format(n).replace("c1", who).split(","), strict=True))
        | {"about": {"name": f"{who} Weiss"}, "phone": f"555{who}"}
        for n, who in enumerate((ANNA, "c1"))
    ]
    return world.land("\n".join(map(json.dumps, rows)), name="sales.jsonl")


def with_extra_parquet(world: World) -> Path:
    world.server(path="transactions/{date}/*.parquet", format="parquet")
    path = world.land(b"", name="sales.parquet")
    rows = ", ".join(
        f"('t{n}', 1, '{who}', timestamp '2017-03-01 10:00:00', 9.99::decimal(18,2), 2::decimal(18,3), 0.5::double, true, "
        f"date '2017-03-01', 'hello', ['{who} Weiss'], '555{who}')"
        for n, who in enumerate((ANNA, "c1"))
    )
    with duckdb.connect() as connection:
        table = connection.execute(
            f"SELECT * FROM (VALUES {rows}) AS t({HEADER}, about, phone)"
        ).to_arrow_table()
    for name in ("customer_id", "phone"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(place).dictionary_encode())
    pq.write_table(table, path, compression="NONE")
    return path


@pytest.mark.parametrize("land", [with_extra_csv, with_extra_json, with_extra_parquet])
def test_a_kept_sale_keeps_nothing_that_no_load_reads(world: World, land: Callable[[World], Path]) -> None:
    path = land(world)
    world.load()
    forget(world)
    left = path.read_bytes()
    assert ANNA.encode() not in left
    assert b"c1 Weiss" in left, "those of others stay"
    assert b"555c1" in left
    assert world.ids() == ["t0", "t1"]


def test_words_of_no_row_are_not_in_a_parquet_file(world: World) -> None:
    """A dictionary has words of rows that have gone."""
    path = with_extra_parquet(world)
    table = pq.read_table(path)
    broken = table.slice(0, 1).set_column(4, "net_amount", pa.array([None], table.schema.field(4).type))
    pq.write_table(pa.concat_tables([table.slice(1), broken]).unify_dictionaries(), path, compression="NONE")
    world.load()
    assert len(quarantined(world)) == 1
    forget(world)
    assert ANNA.encode() not in path.read_bytes()
    assert pq.read_table(path).num_rows == 1


def test_a_broken_row_with_a_derived_number_goes_from_quarantine_too(world: World) -> None:
    """After a kill as well, when its file does not have it any more."""
    world.column("card").column("customer_id", transformLogic="upper(trim(card))")
    header = HEADER.replace("customer_id", "card")
    broken = GOOD.format(9).replace("c1", " anna-1").replace("9.99", "nope")
    path = world.rows(GOOD.format(1).replace("c1", " anna-1"), broken, GOOD.format(2), header=header)
    world.load()
    assert quarantined(world) == [broken]
    killed(world, "landing_scrubbed")
    assert quarantined(world) == []
    assert "anna" not in path.read_text()
    assert world.query("SELECT rows_in, loaded, quarantined, erased FROM ops.files") == [(3, 2, 0, 1)]


@pytest.mark.parametrize(
    ("erase", "stays", "left"),
    [
        (lambda world: killed(world, "landing_written"), "9.99", "19.98"),
        (forget, "9.9x", "29.97"),
    ],
    ids=["only theirs, and killed", "another one too"],
)
def test_control_totals_with_a_figure_that_cannot_be_read(
    world: World, erase: Callable[[World], None], stays: str, left: str
) -> None:
    theirs = GOOD.format(9).replace("c1", ANNA).replace("9.99", "9.99x")
    path = world.rows(GOOD.format(1), theirs, GOOD.format(2).replace("9.99", stays))
    control = path.with_name(f"{path.name}.control.json")
    control.write_text('{"rows": 3, "net_amount": "29.97"}')
    control.chmod(0o640)
    world.load()
    erase(world)
    assert json.loads(control.read_text()) == {"rows": "2", "net_amount": left}
    assert control.stat().st_mode & 0o777 == 0o640
    again(world)
    assert world.query("SELECT status, rows_in FROM ops.files WHERE status <> 'replaced'") == [("loaded", 2)]
