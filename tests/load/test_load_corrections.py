"""Corrections after the fact: loaded again, files gone, contested keys settled, contracts that changed a little."""

from __future__ import annotations

import shutil
from datetime import date
from typing import Any

import pytest
from loading_world import DAY, GOOD, World, counts

from pipelines.errors import LandingError, LoadError
from pipelines.load import load_datasets, missing_partitions
from pipelines.load.state import DatasetLoad
from pipelines.load.tables import contract_hash

SECOND = "2017-03-02"


def load(world: World, first: date | None = None, last: date | None = None, **how: bool) -> DatasetLoad:
    return load_datasets(world.settings, "correction", first, last, ["transactions"], **how)[0]


def contested(world: World) -> list[str]:
    return [
        row[0] for row in world.query("SELECT transaction_id FROM raw.transactions__contested ORDER BY 1")
    ]


def test_reload_loads_unchanged_partitions_again(world: World) -> None:
    world.good(1)
    world.load()
    assert (load(world).files, load(world).unchanged) == (0, 1)
    result = load(world, reload=True)
    assert (counts(result), result.unchanged) == ((1, 1, 0, 0), 0)
    assert world.ids() == ["t1"]
    assert world.query("SELECT status FROM ops.files ORDER BY ALL") == [("loaded",), ("replaced",)]


def test_a_partition_without_any_file_keeps_its_rows_and_is_counted_as_missing(world: World) -> None:
    gone = world.good(1)
    world.good(2, day=SECOND)
    world.load()
    gone.unlink()
    result = load(world)
    assert (result.missing, result.removed, result.unchanged) == ([date(2017, 3, 1)], [], 1)
    assert (result.as_dict()["missing"], result.as_dict()["removed"]) == (1, 0)
    assert world.ids() == ["t1", "t2"]
    assert missing_partitions(world.settings, None, None) == {"transactions": [date(2017, 3, 1)]}
    assert missing_partitions(world.settings, date(2017, 3, 2), None) == {}
    assert missing_partitions(world.settings, None, None, ["customers"]) == {}


def test_remove_missing_takes_out_rows_quarantine_and_duplicates_of_the_range_alone(world: World) -> None:
    gone = [world.rows(GOOD.format(n), GOOD.format(n), "short", day=f"2017-03-0{n}") for n in (1, 2)]
    world.good(3, day="2017-03-03")
    world.load()
    for path in gone:
        path.unlink()
    result = load(world, date(2017, 3, 2), None, remove_missing=True)
    assert (result.removed, result.missing, result.unchanged) == ([date(2017, 3, 2)], [], 1)
    for schema in ("raw", "quarantine", "duplicates"):
        days = world.query(f"SELECT DISTINCT partition_date::varchar FROM {schema}.transactions ORDER BY 1")
        assert days == ([("2017-03-01",), ("2017-03-03",)] if schema == "raw" else [("2017-03-01",)])
    assert world.query("SELECT partition_date::varchar, status FROM ops.files ORDER BY 1") == [
        ("2017-03-01", "loaded"),
        ("2017-03-02", "removed"),
        ("2017-03-03", "loaded"),
    ]
    waiting = world.query("SELECT partition_date::varchar FROM ops.unvalidated ORDER BY 1")
    assert waiting == [("2017-03-01",), ("2017-03-03",)]
    assert load(world, date(2017, 3, 2), None, remove_missing=True).removed == []


def test_a_file_moved_to_another_date_moves_its_rows_in_one_transaction(world: World) -> None:
    path = world.good(1)
    world.load()
    target = world.settings.landing / "transactions" / SECOND
    target.mkdir()
    path.rename(target / path.name)
    result = load(world, remove_missing=True)
    assert (result.dates, result.removed) == ([date(2017, 3, 2)], [date(2017, 3, 1)])
    assert world.raw("transaction_id, partition_date::varchar") == [("t1", SECOND)]
    assert contested(world) == []


def test_a_partition_removed_and_landed_again_is_loaded_again(world: World) -> None:
    path = world.good(1)
    world.good(2, day=SECOND)
    world.load()
    path.unlink()
    load(world, remove_missing=True)
    world.good(1)
    assert counts(load(world)) == (1, 1, 0, 0)
    assert world.ids() == ["t1", "t2"]


def test_a_rejected_load_removes_nothing_either(world: World) -> None:
    path = world.good(1)
    world.good(2, day=SECOND)
    world.load()
    path.unlink()
    world.setting(toleratedRejectRate=0)
    world.rows("bad", day=SECOND)
    with pytest.raises(LoadError):
        load(world, remove_missing=True)
    assert world.ids() == ["t1", "t2"]
    assert world.query("SELECT count(*) FROM ops.files WHERE status = 'loaded'") == [(2,)]


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_landing_folder_that_is_not_mounted_removes_nothing(world: World, left: str) -> None:
    world.good(1)
    world.load()
    shutil.rmtree(world.settings.landing)
    if left == "an empty folder":
        world.settings.landing.mkdir()
    assert load(world).missing == [date(2017, 3, 1)]
    with pytest.raises(LandingError, match=r"landing is not there or is empty.*nothing was removed.*header"):
        load(world, remove_missing=True)
    assert world.ids() == ["t1"]


def test_a_location_of_its_own_is_looked_at_for_itself(world: World) -> None:
    mounted = world.home / "till"
    world.server(path=f"{mounted}/{{date}}.csv").good(9)
    mounted.mkdir()
    (mounted / f"{DAY}.csv").write_bytes(world.good(1).read_bytes())
    world.load()
    (mounted / f"{DAY}.csv").unlink()
    with pytest.raises(LandingError, match="till is not there or is empty"):
        load(world, remove_missing=True)
    (mounted / "readme.txt").write_text("mounted", encoding="utf-8")
    assert load(world, remove_missing=True).removed == [date(2017, 3, 1)]


def test_a_folder_that_links_to_nothing_is_refused_not_taken_for_deleted(world: World) -> None:
    path = world.good(1)
    world.load()
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(world.home / "unmounted")
    with pytest.raises(LandingError, match=rf"{DAY}: refused: expected a folder, found a link to nothing"):
        load(world, remove_missing=True)
    assert world.ids() == ["t1"]


def test_a_file_that_cannot_be_read_is_refused_by_name(world: World) -> None:
    path = world.good(1)
    world.load()
    path.unlink()
    path.symlink_to(world.home / "nowhere.csv")
    with pytest.raises(LandingError, match=r"sales.csv: cannot be read"):
        load(world)
    assert world.ids() == ["t1"]


def test_contested_keys_are_those_of_several_partitions_also_after_corrections(world: World) -> None:
    world.good(1, 2, 3)
    world.good(2, 3, 4, day=SECOND)
    gone = world.good(3, 4, day="2017-03-03")
    world.load()
    assert contested(world) == ["t2", "t3", "t4"]
    world.good(3, 4, day=SECOND)  # t2 stands in the first partition alone now
    load(world)
    assert contested(world) == ["t3", "t4"]
    gone.unlink()
    load(world, remove_missing=True)
    assert contested(world) == ["t3"]
    world.good(5)
    load(world)
    assert contested(world) == []


CHANGES: dict[str, Any] = {
    "delimiter": lambda w: w.server(delimiter=";"),
    "quote": lambda w: w.server(quote="'"),
    "nullValue": lambda w: w.server(nullValue="NULL"),
    "decimalMark": lambda w: w.server(decimalMark=","),
    "thousandsMark": lambda w: w.server(thousandsMark="'"),
    "dateFormat": lambda w: w.server(dateFormat="%d.%m.%Y"),
    "timestampFormat": lambda w: w.server(timestampFormat="%d.%m.%Y %H:%M"),
    "timezone": lambda w: w.server(timezone="Asia/Tokyo"),
    "encoding": lambda w: w.server(encoding="gbk"),
    "format": lambda w: w.server(format="jsonl"),
    "toleratedRejectRate": lambda w: w.setting(toleratedRejectRate=0.5),
    "futureToleranceDays": lambda w: w.setting(futureToleranceDays=9),
    "businessTime": lambda w: w.setting(businessTime=None),
    "a column": lambda w: w.column("colour"),
    "type": lambda w: w.column("score", physicalType="DECIMAL(9,2)"),
    "name at the source": lambda w: w.column("note", physicalName="remark"),
    "required": lambda w: w.column("note", required=True),
    "expression": lambda w: w.column("note", transformLogic="upper(customer_id)"),
    "pattern": lambda w: w.column("note", logicalTypeOptions={"pattern": "^h"}),
    "minLength": lambda w: w.column("note", logicalTypeOptions={"minLength": 2}),
    "maxLength": lambda w: w.column("note", logicalTypeOptions={"maxLength": 2}),
    "minimum": lambda w: w.column("score", logicalTypeOptions={"minimum": 2}),
    "maximum": lambda w: w.column("score", logicalTypeOptions={"maximum": 2}),
    "exclusiveMinimum": lambda w: w.column("score", logicalTypeOptions={"exclusiveMinimum": 2}),
    "exclusiveMaximum": lambda w: w.column("score", logicalTypeOptions={"exclusiveMaximum": 2}),
    "format of a column": lambda w: w.column("sold_on", logicalTypeOptions={"format": "%d/%m/%Y"}),
    "valid values": lambda w: w.column(
        "note", quality=[{"metric": "invalidValues", "arguments": {"validValues": ["a"]}, "mustBe": 0}]
    ),
    "a rule": lambda w: w.rule("small", "quantity < 100"),
}


def _hash(world: World) -> str:
    return contract_hash(world.parsed, world.settings)


@pytest.mark.parametrize("setting", CHANGES)
def test_a_setting_that_can_change_loaded_rows_changes_the_contracts_hash(world: World, setting: str) -> None:
    before = _hash(world)
    CHANGES[setting](world)
    assert _hash(world) != before


def test_a_changed_row_rule_timezone_or_loader_changes_the_hash(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {_hash(world.rule("small", "quantity < 100"))}
    world.contract["schema"][0]["quality"][-1]["implementation"] = "quantity < 99"
    world.write()
    seen.add(_hash(world))
    seen.add(contract_hash(world.parsed, world.settings.model_copy(update={"timezone": "Asia/Tokyo"})))
    monkeypatch.setattr("pipelines.load.tables.LOADER_VERSION", 99)
    seen.add(_hash(world))
    assert len(seen) == 4


def test_comments_and_descriptions_load_nothing_again(world: World) -> None:
    world.rule("small", "quantity < 100").good(1)
    world.load()
    world.column("note", description="What the till said.", classification="pii")
    world.contract["schema"][0]["quality"][-1]["description"] = "Not too much at once."
    world.contract["description"] = {"purpose": "Sales."}
    world.contract["version"] = "9.9.9"
    world.write()
    text = world.contract_path.read_text("utf-8")
    world.contract_path.write_text(f"# A comment.\n{text}", encoding="utf-8")
    assert world.load().unchanged == 1
