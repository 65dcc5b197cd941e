"""Control totals: a file that has not the rows or sums that its source says is refused whole, by name."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from loading_world import DAY, GOOD, HEADER, World, counts

from pipelines.errors import FileRefusedError, ValidationFailedError
from pipelines.land import unmatched_files
from pipelines.load.plan import plan_load
from pipelines.warehouse.reconcile import require_reconciled

BAD = "t90,1,c1,yesterday,5.00,2,0.5,true,2017-03-01,hello"
UNREADABLE = "t91,1,c1,2017-03-01 10:00:00,five,2,0.5,true,2017-03-01,hello"
TWICE = "t1,1,c1,2017-03-01 10:00:00,1.00,2,0.5,true,2017-03-01,later"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path).setting(toleratedRejectRate=0.5)


def control(world: World, text: str | dict, name: str = "sales.csv.control.json") -> Path:
    return world.land(text if isinstance(text, str) else json.dumps(text), name=name)


@pytest.mark.parametrize(
    ("lines", "said", "found"),
    [
        ([], {"rows": 2, "net_amount": "19.98"}, None),
        ([], {"rows": 2}, None),
        ([], {"net_amount": 19.98, "quantity": 4, "line_number": "2"}, None),
        ([], {"rows": 3}, "says 3 rows, found 2;"),
        ([], {"rows": 2, "net_amount": "29.97"}, "says a sum of net_amount of 29.97, found 19.98;"),
        ([], {"rows": 3, "quantity": 5}, "says 3 rows and a sum of quantity of 5, found 2 and 4.000;"),
        ([BAD], {"rows": 3, "net_amount": "24.98"}, None),  # what is quarantined was in the file
        ([BAD], {"rows": 2, "net_amount": "19.98"}, "says 2 rows and a sum .* of 19.98, found 3 and 24.98;"),
        ([UNREADABLE], {"rows": 3, "net_amount": "24.98"}, None),
        ([UNREADABLE], {"rows": 2, "net_amount": "24.98"}, "says 2 rows, found 3;"),
        ([TWICE], {"rows": 3, "net_amount": "20.98"}, None),  # and so was what is set aside as a duplicate
        ([TWICE, BAD], {"rows": 4, "net_amount": "25.98"}, None),
    ],
)
def test_rows_and_sums_are_those_of_the_whole_file(
    world: World, lines: list[str], said: dict, found: str | None
) -> None:
    world.rows(GOOD.format(1), GOOD.format(2), *lines)
    control(world, said)
    if found is None:
        assert counts(world.load())[0] == 2 + len(lines)
        return
    with pytest.raises(FileRefusedError, match=rf"sales\.csv: refused: sales\.csv\.control\.json {found}"):
        world.load()
    assert world.ids() == []
    assert world.query("SELECT status, path FROM ops.files") == [("refused", f"transactions/{DAY}/sales.csv")]
    assert [p.state for p in plan_load(world.settings, None, None).partitions] == ["refused"]
    control(world, {"rows": 2 + len(lines)})
    assert counts(world.load())[0] == 2 + len(lines)


def test_they_are_no_data_and_may_be_csv_and_the_file_gzipped(world: World) -> None:
    text = "\n".join([HEADER, GOOD.format(1), GOOD.format(2)])
    world.land(gzip.compress(text.encode()), name="sales.csv.gz")
    control(world, "rows,net_amount\n2,19.98\n", "sales.csv.gz.control.csv")
    assert unmatched_files(world.settings) == []
    assert counts(world.load()) == (2, 2, 0, 0)


def test_totals_of_a_file_that_is_not_there_are_named(world: World) -> None:
    world.good(1)
    control(world, {"rows": 1}, "more.csv.control.json")
    assert [path.name for path in unmatched_files(world.settings)] == ["more.csv.control.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no JSON object"),
        ("{", "expected control totals such as"),
        ("{}", "expected rows or the sum of a column, found neither"),
        ('{"row": 2}', "number column of the contract, found 'row'"),
        ('{"score": 2}', "number column of the contract, found 'score'"),
        ('{"rows": "two"}', "expected a number as rows, found none"),
        ('{"rows": 1.5}', "expected a number as rows, found none"),
        ('{"net_amount": NaN}', "expected a number as net_amount, found none"),
        ('{"net_amount": "1_0"}', "expected a number as net_amount, found none"),
        ('{"rows": "１"}', "expected a number as rows, found none"),
        ('{"rows": 1e999999999}', "expected a number as rows, found none"),
        ('{"rows": 1, "rows": 2}', "a name that stands twice"),
        ("[" * 60_000, "expected control totals such as"),
        ('{"' + "x" * 60_000 + '": 2}', "number column of the contract, found 'x{60}…'$"),
        ('{"zq@example.org": 2}', "number column of the contract, found '…@…'$"),
    ],
    ids=lambda text: text[:30],
)
def test_totals_that_cannot_be_read_refuse_the_file(world: World, text: str, said: str) -> None:
    world.good(1)
    control(world, text)
    with pytest.raises(FileRefusedError, match=rf"sales\.csv\.control\.json: refused: .*{said}"):
        world.load()


def test_totals_tell_nothing_of_a_person(world: World) -> None:
    world.column("quantity", classification="pii").good(1)
    for text in ('{"quantity": 5}', '{"Zenobia": 5}'):
        control(world, text)
        with pytest.raises(FileRefusedError, match="number column of the contract, found ") as caught:
            world.load()
        assert "Zenobia" not in str(caught.value)
        assert "5" not in str(caught.value).partition("found")[2]


def test_totals_in_a_pipe_or_a_folder_are_not_waited_for(world: World) -> None:
    path = world.good(1).with_name("sales.csv.control.json")
    os.mkfifo(path)
    with pytest.raises(FileRefusedError, match="no regular file"):
        world.load()
    path.unlink()
    path.mkdir()
    with pytest.raises(FileRefusedError, match="no regular file"):
        world.load()


def test_where_the_contract_asks_for_them_a_file_without_is_refused(world: World) -> None:
    world.setting(controlTotals=True).good(1)
    with pytest.raises(
        FileRefusedError, match=r"expected control totals beside it in sales\.csv\.control\.json"
    ):
        world.load()
    control(world, {"rows": 1})
    assert counts(world.load()) == (1, 1, 0, 0)


def test_a_figure_changed_in_raw_is_found_before_a_build(world: World) -> None:
    world.rows(GOOD.format(1), GOOD.format(2), TWICE, BAD)
    control(world, {"rows": 4, "net_amount": "25.98"})
    world.load()
    require_reconciled(world.settings)
    with closing(duckdb.connect(str(world.settings.warehouse))) as connection:
        connection.execute("UPDATE raw.transactions SET net_amount = 1000 WHERE transaction_id = 't2'")
    with pytest.raises(
        ValidationFailedError, match=r"a sum of net_amount of 1,001\.00 of .*ledger says 10\.99"
    ):
        require_reconciled(world.settings)


@pytest.mark.parametrize("setting", ["ignoreIf", "rejectIf"])
def test_rows_that_are_not_ours_were_in_the_file_too(world: World, setting: str) -> None:
    world.setting(**{setting: [{"name": "test sales", "condition": "transaction_id = 't2'"}]})
    world.good(1, 2)
    control(world, {"rows": 2, "net_amount": "19.98"})
    result = world.load()
    assert (result.rows_in, result.loaded) == (2, 1)
    require_reconciled(world.settings)
