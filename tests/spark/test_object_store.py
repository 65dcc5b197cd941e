"""A lake in an object store, without Spark: a stand-in for S3 on this machine, Arrow that writes, DuckDB that reads."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import duckdb
import pytest

from pipelines.cli.rebuild import set_aside
from pipelines.errors import EngineError, SettingsError, WarehouseDamagedError
from pipelines.settings import Settings
from pipelines.warehouse import ledger, store
from pipelines.warehouse.connection import attach_warehouse, connect, restrict
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.spark import lake as lakes
from pipelines.warehouse.spark import machine, manifest
from pipelines.warehouse.spark.keeper import LakeKeeper, write_rows
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import Entry

moto = pytest.importorskip("moto.server")
for extension in ("httpfs", "aws"):
    pytest.importorskip(f"duckdb_extension_{extension}", reason="the extra `spark` is not installed")

KEY, SECRET = "AKIAMAINSTAYTESTKEY1", "a/very+secret/key+of/the/store+0123456789"
TABLE = ("raw", "sales")
COLUMNS = [("id", "VARCHAR"), ("amount", "DECIMAL(18,2)"), ("partition_date", "DATE")]
FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)


@dataclass
class Store:
    """The stand-in."""

    address: str
    files: Any

    def keys(self, bucket: str) -> list[str]:
        """The objects of a bucket, directory marks left out."""
        from pyarrow.fs import FileSelector, FileType

        found = self.files.get_file_info(FileSelector(bucket, recursive=True))
        return sorted(info.path for info in found if info.type == FileType.File)

    def ask_who_it_is(self, asks: bool) -> None:
        """Let only those in whom the store knows, and it knows nobody; or everybody."""
        body = b"0" if asks else b"inf"
        address = f"{self.address}/moto-api/reset-auth"
        request = Request(address, body, {"Content-Type": "text/plain"})  # noqa: S310 - on this machine
        urlopen(request).close()  # noqa: S310


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    from pyarrow.fs import S3FileSystem

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            environment.setenv(name, value)
        files = S3FileSystem(
            endpoint_override=f"{host}:{port}",
            scheme="http",
            region="eu-central-1",
            allow_bucket_creation=True,
        )
        for bucket in ("shop-lake", "other-bucket"):
            files.create_dir(bucket)
        yield Store(f"http://{host}:{port}", files)
    server.stop()


@pytest.fixture
def deployment(s3: Store, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, engine="spark", lake_dir=f"s3://shop-lake/{tmp_path.name}")


@pytest.fixture
def connection(deployment: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect(deployment)) as opened:
        opened.execute(ledger.DDL)
        yield opened


def loaded(connection: duckdb.DuckDBPyConnection, deployment: Settings, attempt: str = "a") -> Lake:
    """Two partitions as tasks leave them, named and shown."""
    lake = Lake.of(deployment)
    with closing(duckdb.connect()) as task:
        task.execute(
            "CREATE SCHEMA raw; CREATE TABLE raw.sales (id VARCHAR, amount DECIMAL(18,2), partition_date DATE)"
        )
        task.execute(
            "INSERT INTO raw.sales VALUES ('x', 1.50, '2024-01-01'), ('y', 2.50, '2024-01-02'), ('z', 3, '2024-01-02')"
        )
        kept = LakeKeeper(lake).keep(task, TABLE, attempt)
    own = [[name, type_, type_.lower()] for name, type_ in COLUMNS[:2]]
    manifest.drop(connection, TABLE)
    manifest.add(connection, [Entry(*TABLE, k.path, k.partition_date, own, "partition_date") for k in kept])
    manifest.show(connection, deployment, lake, TABLE, COLUMNS)
    return lake


def built(connection: duckdb.DuckDBPyConnection, lake: Lake, deployment: Settings, version: str) -> None:
    """A table as Spark leaves it: several files and a mark."""
    path = f"marts/dim_shops/{version}"
    for number in range(2):
        write_rows(duckdb.connect(), f"SELECT 'S{number}' AS shop", lake, f"{path}/part-{number}")
    for number in range(2):
        source, target = f"{path}/part-{number}", f"{path}/part-{number}.snappy.parquet"
        with lake._files() as (files, root):
            files.move(f"{root}/{source}/rows.parquet", f"{root}/{target}")
    lake.write_text(f"{path}/_SUCCESS", "")
    manifest.drop(connection, ("marts", "dim_shops"))
    manifest.add(connection, [Entry("marts", "dim_shops", path, None, [["shop", "VARCHAR", "string"]])])
    manifest.show(connection, deployment, lake, ("marts", "dim_shops"), [("shop", "VARCHAR")])


@pytest.fixture(scope="module")
def looked_at(s3: Store, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployment that nobody writes to any more."""
    home = tmp_path_factory.mktemp("looked-at")
    settings = Settings(home=home, engine="spark", lake_dir=f"s3://shop-lake/{home.name}")
    with closing(connect(settings)) as opened:
        opened.execute(ledger.DDL)
        built(opened, loaded(opened, settings), settings, "v1")
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
    unexpected = "SELECT count(*) FILTER (id IS NULL OR amount <= 0) FROM raw.sales WHERE partition_date = '2024-01-02'"
    assert looking.execute(unexpected).fetchone() == (0,)
    assert looking.execute("SELECT * FROM marts.dim_shops ORDER BY ALL").fetchall() == [("S0",), ("S1",)]


def test_nothing_else_can_be_read(
    s3: Store, looking: duckdb.DuckDBPyConnection, looked_at: Settings, tmp_path: Path
) -> None:
    lake = looked_at.lake
    for key in (f"{lake}-other/secret.txt", "s3://other-bucket/secret.txt", "s3://shop-lake/secret.txt"):
        with s3.files.open_output_stream(key.removeprefix("s3://")) as stream:
            stream.write(b"not yours")
        with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
            looking.execute(f"FROM read_text('{key}')")
    outside = tmp_path / "outside.txt"
    outside.write_text("not yours", encoding="utf-8")
    with pytest.raises(duckdb.PermissionException):
        looking.execute(f"FROM read_text('{outside}')")
    with pytest.raises(duckdb.PermissionException):
        looking.execute(f"FROM read_text('{s3.address}/other-bucket/secret.txt')")
    # Nor is a part of an address anything but a name: no pattern, no other host, and no setting that says one.
    for name in ("**", f"{LAKE_MARK}?s3_endpoint=127.0.0.1:9"):
        with pytest.raises(duckdb.HTTPException, match="404"):
            looking.execute(f"FROM read_text('{lake}/{name}')")
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        looking.execute("SET s3_endpoint = '127.0.0.1:9'")


def test_a_prefix_that_is_no_folder_is_no_place() -> None:
    with closing(duckdb.connect()) as opened, pytest.raises(ValueError, match="more than one place"):
        restrict(opened, ["s3://shop-lake/lake"])


def test_no_query_and_no_file_has_the_credentials(
    looking: duckdb.DuckDBPyConnection, looked_at: Settings
) -> None:
    told = looking.execute("SELECT * FROM duckdb_settings()").fetchall()
    told += looking.execute("SELECT * FROM duckdb_secrets()").fetchall()
    assert SECRET not in str(told)
    assert looking.execute("SELECT current_setting('s3_secret_access_key')").fetchone() == (None,)
    with pytest.raises(duckdb.Error, match="unredacted"):
        looking.execute("FROM duckdb_secrets(redact = false)")
    files = [path.read_bytes() for path in looked_at.var.rglob("*") if path.is_file()]
    assert looked_at.lake.encode() in b"".join(files)
    assert not any(told.encode() in content for told in (KEY, SECRET) for content in files)


def test_the_warehouse_is_read_when_attached(looked_at: Settings) -> None:
    with closing(connect(looked_at, Path(":memory:"))) as opened:
        attach_warehouse(looked_at, opened, "mainstay")
        assert opened.execute("SELECT count(*) FROM mainstay.raw.sales").fetchone() == (3,)


def test_rows_are_changed_by_new_objects_and_the_old_ones_are_swept(
    s3: Store, deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake, engine = loaded(connection, deployment), engine_of(deployment)
    before = set(lake.files("raw"))
    with engine.changing(connection, deployment, TABLE) as rows:
        connection.execute(f"DELETE FROM {rows} WHERE id = 'y'")
    assert connection.execute("SELECT id FROM raw.sales ORDER BY id").fetchall() == [("x",), ("z",)]
    after = set(lake.files("raw"))
    assert len(after - before) == 1
    assert before < after
    engine.tidy(connection, deployment)
    named = {f"{entry.path}/rows.parquet" for entry in manifest.entries(connection)}
    assert set(lake.files("raw")) == named
    assert len(named) == 2
    with s3.files.open_input_stream(f"{lake.root.removeprefix('s3://')}/manifest.json") as stream:
        copy = json.loads(stream.read())
    assert {f"{path}/rows.parquet" for path in copy["tables"]["raw.sales"]["paths"]} == named


def test_what_no_entry_names_is_removed_and_nothing_beside_the_lake(
    s3: Store, deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = loaded(connection, deployment, "dead")
    built(connection, lake, deployment, "v1")
    loaded(connection, deployment, "alive")
    built(connection, lake, deployment, "v2")
    beside = f"{lake.root.removeprefix('s3://')}-beside/raw/sales/partition_date=2024-01-01/dead/rows.parquet"
    with s3.files.open_output_stream(beside) as stream:
        stream.write(b"somebody else's")
    manifest.sweep(connection, lake)
    assert {path.split("/")[3] for path in lake.files("raw")} == {"alive"}
    assert {path.split("/")[2] for path in lake.files("marts")} == {"v2"}
    assert beside in s3.keys("shop-lake")
    lake.remove(["marts/dim_shops/v2", "marts/dim_shops/never-there"])
    assert lake.files("marts") == []
    lake.remove_file(LAKE_MARK)
    lake.remove_file(LAKE_MARK)
    assert not lake.has_file(LAKE_MARK)


def test_a_place_with_other_files_is_no_lake(s3: Store, deployment: Settings) -> None:
    with s3.files.open_output_stream(f"{deployment.lake.removeprefix('s3://')}/raw/theirs.parquet") as stream:
        stream.write(b"somebody else's")
    with pytest.raises(SettingsError, match="holds files that are none of a lake's"):
        Lake.of(deployment)


def test_no_bucket(s3: Store, deployment: Settings) -> None:
    elsewhere = deployment.model_copy(update={"lake_dir": "s3://no-such-bucket/lake"})
    with pytest.raises(EngineError, match="no such bucket; make it, or mend MAINSTAY_LAKE_DIR"):
        Lake.of(elsewhere)
    ((state, what, text),) = machine.look_at_lake(elsewhere)
    assert (state, what) == ("problem", "lake")
    assert text.startswith("MAINSTAY_LAKE_DIR: s3://no-such-bucket/lake: there is no such bucket")


def test_credentials_that_the_store_does_not_know(
    s3: Store, deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    loaded(connection, deployment)
    s3.ask_who_it_is(True)
    try:
        lakes._require_marked.cache_clear()
        with pytest.raises(EngineError, match="AWS_ACCESS_KEY_ID") as writing:
            Lake.of(deployment)
        refused = pytest.raises(EngineError, match=r"cannot be read \(HTTP .*403.*mainstay doctor")
        with refused as reading, database_errors(deployment):
            connection.execute("SELECT count(*) FROM raw.sales")
    finally:
        s3.ask_who_it_is(False)
    for error in (writing.value, reading.value):
        assert SECRET not in str(error)
        assert KEY not in str(error)
        assert error.exit_code == 13


def test_objects_that_are_gone_are_a_damage(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    loaded(connection, deployment).remove(["raw/sales"])
    with pytest.raises(WarehouseDamagedError, match="mainstay rebuild"), database_errors(deployment):
        connection.execute("SELECT count(*) FROM raw.sales")


def test_nobody_who_answers(
    deployment: Settings, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(connection, deployment)
    connection.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    silent = pytest.raises(EngineError, match="Could not connect")
    with closing(connect(deployment)) as opened, silent, database_errors(deployment):
        opened.execute("SELECT count(*) FROM raw.sales")


def test_an_endpoint_that_is_none(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("minio:9000", "ftp://minio", "https://me:mine@minio:9000", "https://minio/bucket"):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", value)
        with pytest.raises(EngineError, match="is no address such as https://HOST:PORT") as raised:
            connect(deployment)
        assert "mine" not in str(raised.value)


def test_a_missing_extension_is_said_and_the_ledger_is_written_all_the_same(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "find_spec", lambda name: None)
    with pytest.raises(
        EngineError, match=r"extension httpfs .* not installed; install Mainstay with its extra `spark`"
    ):
        connect(deployment)
    ((state, _, text),) = machine.look_at_lake(deployment)
    assert (state, "extension httpfs" in text) == ("problem", True)
    with closing(connect(deployment, rows=False)) as opened:
        opened.execute(ledger.DDL)
        ledger.record_step(opened, "run", "load", ledger.now(), "failed", {"error": "no extension"})


def test_doctor_writes_and_reads_it(s3: Store, deployment: Settings) -> None:
    assert [(state, what) for state, what, _ in machine.look_at_lake(deployment)] == [("ok", "lake")]
    name = deployment.lake.removeprefix("s3://")
    assert [key for key in s3.keys("shop-lake") if key.startswith(f"{name}/")] == [f"{name}/{LAKE_MARK}"]


def test_a_warehouse_that_is_set_aside_leaves_its_rows_to_the_next_load(
    deployment: Settings, connection: duckdb.DuckDBPyConnection
) -> None:
    lake = loaded(connection, deployment)
    connection.close()
    aside = set_aside(deployment)
    assert aside is not None
    assert aside.exists()
    assert lake.files("raw")
    with closing(connect(deployment)) as opened:
        opened.execute(ledger.DDL)
        engine_of(deployment).tidy(opened, deployment)
    assert lake.files("raw") == []


@pytest.mark.parametrize(
    "address",
    [
        "gs://bucket/lake",
        "hdfs://name/lake",
        "s3://",
        "s3://Bucket/x",
        "s3://b/a b",
        "s3://b/../c",
        "s3://b/x?y=z",
        "s3://k:s@b/x",
        "s3://b/x*",
    ],
)
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match="neither a folder nor an address s3://BUCKET/PATH"):
        Settings(home=tmp_path, engine="spark", lake_dir=address)
