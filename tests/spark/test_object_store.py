"""A lake in an object store, without Spark: Arrow writes, DuckDB reads, and sees nothing but the lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from loading_world import GOOD

from pipelines.cli.rebuild import _going
from pipelines.errors import SettingsError
from pipelines.load.plan import plan_load
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.aside import NOTE, set_aside
from pipelines.warehouse.connection import attach_warehouse, connect, restrict
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.spark import machine, manifest
from pipelines.warehouse.spark.lake import Lake

from .loading_pair import Pair, in_process, load, rows
from .stand_in import BUCKET, FIRST, OTHER, SECOND, TABLE, Store, built, loaded


@pytest.fixture(scope="module")
def looked_at(s3: Store, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployment that nobody writes to any more."""
    home = tmp_path_factory.mktemp("looked-at")
    settings = Settings(home=home, engine="spark", lake_dir=f"s3://{BUCKET}/{home.name}")
    with closing(connect(settings)) as opened:
        opened.execute(ledger.DDL)
        loaded(opened, settings)
        built(opened, settings, "v1")
    return settings


@pytest.fixture(scope="module")
def looking(looked_at: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """As the expectations look: read-only, and shut in."""
    with closing(connect(looked_at, read_only=True)) as opened:
        restrict(opened, engine_of(looked_at).places(looked_at))
        yield opened


def test_what_is_in_the_lake_is_read_through_the_warehouses_views(looking: duckdb.DuckDBPyConnection) -> None:
    rows = looking.execute("SELECT * FROM raw.sales ORDER BY id").fetchall()
    assert [(row[0], str(row[1]), row[2]) for row in rows] == [
        ("x", "1.50", FIRST),
        ("y", "2.50", SECOND),
        ("z", "3.00", SECOND),
    ]
    unexpected = "count(*) FILTER (id IS NULL OR amount <= 0)"
    of_a_day = f"SELECT {unexpected} FROM raw.sales WHERE partition_date = '2024-01-02'"
    assert looking.execute(of_a_day).fetchone() == (0,)
    assert looking.execute("SELECT * FROM marts.dim_shops ORDER BY ALL").fetchall() == [("S0",), ("S1",)]


def test_nothing_else_can_be_read(
    s3: Store, looking: duckdb.DuckDBPyConnection, looked_at: Settings, tmp_path: Path
) -> None:
    lake = looked_at.lake
    beside, outside = f"s3://{BUCKET}/beside.txt", tmp_path / "outside.txt"
    outside.write_text("not yours", encoding="utf-8")
    for address in (f"{lake}-other/beside.txt", f"s3://{OTHER}/beside.txt", beside):
        s3.put(address)
    for place in (
        f"{lake}-other/beside.txt",
        f"s3://{OTHER}/beside.txt",
        beside,
        outside,
        f"{s3.address}/{OTHER}",
    ):
        with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
            looking.execute(f"FROM read_text('{place}')")
    # An address is a name all the way: no pattern, and no parameter that leads to another host.
    for name in ("**", f"{LAKE_MARK}?s3_endpoint=127.0.0.1:9"):
        with pytest.raises(duckdb.HTTPException, match="404"):
            looking.execute(f"FROM read_text('{lake}/{name}')")
    # The way up is taken before the request is sent, and the store does not believe its signature.
    with pytest.raises(duckdb.HTTPException, match="SignatureDoesNotMatch"):
        looking.execute(f"FROM read_text('{lake}/../beside.txt')")
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        looking.execute("SET s3_endpoint = '127.0.0.1:9'")


def test_a_prefix_that_is_no_folder_is_no_place() -> None:
    with closing(duckdb.connect()) as opened, pytest.raises(ValueError, match="more than one place"):
        restrict(opened, ["s3://shop-lake/lake"])


def test_no_query_and_no_file_has_the_credentials(
    s3: Store, looking: duckdb.DuckDBPyConnection, looked_at: Settings
) -> None:
    told = looking.execute("SELECT * FROM duckdb_settings()").fetchall()
    told += looking.execute("SELECT * FROM duckdb_secrets()").fetchall()
    told += looking.execute("SELECT sql FROM duckdb_views()").fetchall()
    assert s3.secret not in str(told)
    assert looking.execute("SELECT current_setting('s3_secret_access_key')").fetchone() == (None,)
    with pytest.raises(duckdb.Error, match="unredacted"):
        looking.execute("FROM duckdb_secrets(redact = false)")
    files = [path.read_bytes() for path in looked_at.var.rglob("*") if path.is_file()]
    assert b"partition_date=" in b"".join(files)
    assert not any(told.encode() in content for told in (s3.key, s3.secret) for content in files)


def test_the_warehouse_is_read_when_attached(looked_at: Settings) -> None:
    with closing(connect(looked_at, Path(":memory:"))) as opened:
        attach_warehouse(looked_at, opened, "mainstay")
        assert opened.execute("SELECT count(*) FROM mainstay.raw.sales").fetchone() == (3,)


def test_the_same_is_loaded_and_planned_as_without_one(
    s3: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process(monkeypatch)
    pair = Pair(tmp_path)
    place = {"lake_dir": f"s3://{BUCKET}/{tmp_path.name}"}
    pair.spark.settings = pair.spark.settings.model_copy(update=place)
    pair.world.setting(toleratedRejectRate=1)
    pair.world.rows(GOOD.format(1), "short", GOOD.format(2), GOOD.format(2))
    both = [pair.world.settings, pair.spark.settings]
    told = [load(settings, "run-1") for settings in both]
    assert told[0] == told[1]
    for table in ("raw.transactions", "quarantine.transactions", "duplicates.transactions"):
        found = [rows(settings, table) for settings in both]
        assert found[0] == found[1]
        assert found[0]
    pair.world.rows(GOOD.format(1))
    plans = [plan_load(settings, None, None) for settings in both]
    assert plans[0] == plans[1]
    assert plans[0].partitions


def test_rows_are_changed_by_new_objects_and_the_old_ones_are_swept(
    s3: Store, in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    lake, engine = loaded(stored, in_store), engine_of(in_store)
    before = set(lake.files("raw"))
    with engine.changing(stored, in_store, TABLE) as rows:
        stored.execute(f"DELETE FROM {rows} WHERE id = 'y'")
    assert stored.execute("SELECT id FROM raw.sales ORDER BY id").fetchall() == [("x",), ("z",)]
    after = set(lake.files("raw"))
    assert len(after - before) == 1
    assert before < after
    engine.tidy(stored, in_store)
    named = {f"{entry.path}/{manifest.ROWS}" for entry in manifest.entries(stored)}
    assert set(lake.files("raw")) == named
    assert len(named) == 2
    copy = json.loads(s3.read(lake.path(manifest.FILE)))
    assert {f"{path}/{manifest.ROWS}" for path in copy["tables"]["raw.sales"]["paths"]} == named


def test_what_no_entry_names_is_removed_and_nothing_beside_the_lake(
    s3: Store, in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    lake = loaded(stored, in_store, "dead")
    built(stored, in_store, "v1")
    loaded(stored, in_store, "alive")
    built(stored, in_store, "v2")
    beside = f"{lake.root}-beside/raw/sales/partition_date=2024-01-01/dead/rows.parquet"
    s3.put(beside)
    manifest.sweep(stored, lake)
    assert {path.split("/")[3] for path in lake.files("raw")} == {"alive"}
    assert {path.split("/")[2] for path in lake.files("marts")} == {"v2"}
    assert s3.has(beside)
    lake.remove(["marts/dim_shops/v2", "marts/dim_shops/never-there"])
    assert lake.files("marts") == []
    for _ in range(2):
        lake.remove_file(LAKE_MARK)
    assert not lake.has_file(LAKE_MARK)


def test_a_warehouse_that_is_set_aside_leaves_its_rows_to_the_next_load(
    in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    lake = loaded(stored, in_store)
    stored.close()
    assert f"The rows in {lake.root}/ are not kept with it" in " ".join(_going(in_store))
    aside, rows = set_aside(in_store)
    assert aside is not None
    assert aside.name.startswith("mainstay.duckdb.aside-")
    assert rows is None
    assert lake.files("raw")
    with closing(connect(in_store)) as opened:
        opened.execute(ledger.DDL)
        engine_of(in_store).tidy(opened, in_store)
    assert lake.files("raw") == []


def copied(deployment: Settings) -> Settings:
    """Another deployment, copied with its settings, and so with the lake's address."""
    home = deployment.home.with_name(f"{deployment.home.name}-copy")
    shutil.copytree(deployment.home, home)
    return deployment.model_copy(update={"home": home})


def test_a_copy_that_has_the_originals_address_is_sent_away_before_it_removes_its_rows(
    in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    loaded(stored, in_store, "first")
    copy = copied(in_store)
    lake = loaded(stored, in_store, "second")
    sent_away = rf"s3://.* is the lake of {in_store.warehouse}, .* put an empty file in the place of s3://.*/{LAKE_MARK}$"
    for step in (set_aside, Lake.of):
        with pytest.raises(SettingsError, match=sent_away):
            step(copy)
    with closing(connect(copy)) as opened, pytest.raises(SettingsError, match=sent_away):
        engine_of(copy).tidy(opened, copy)
    assert stored.execute("SELECT count(*) FROM raw.sales").fetchone() == (3,)
    assert copy.warehouse.exists(), "nothing is half aside"
    assert not copy.warehouse.with_name(NOTE).exists()
    lake.write_text(LAKE_MARK, "")
    assert Lake.of(copy) == lake, "on purpose"


def test_an_address_goes_with_its_deployment_and_a_copied_one_to_the_copy(
    in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    lake = loaded(stored, in_store)
    stored.close()
    own = Lake(f"{lake.root}-own")
    own.write_text(LAKE_MARK, lake.read_text(LAKE_MARK))
    copy = copied(in_store)
    assert Lake.of(copy.model_copy(update={"lake_dir": own.root})) == own
    in_store.warehouse.unlink()
    assert Lake.of(copy) == lake
    assert str(copy.warehouse) in lake.read_text(LAKE_MARK)


def test_doctor_writes_and_reads_it(s3: Store, in_store: Settings) -> None:
    ((state, what, text),) = machine.look_at_lake(in_store)
    assert (state, what) == ("ok", "lake")
    assert f"{in_store.lake} can be read and written" in text
    assert Lake.of(in_store).files("") == [LAKE_MARK]
