"""An object store that is not as it should be: a sentence with a way out, and the ledger is written all the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import EngineError, SettingsError
from pipelines.settings import Settings
from pipelines.warehouse import ledger, store
from pipelines.warehouse.connection import connect, restrict
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.spark import machine
from pipelines.warehouse.spark.lake import Lake

from .stand_in import Store, loaded


def test_a_place_with_other_files_is_no_lake(s3: Store, in_store: Settings) -> None:
    s3.put(f"{in_store.lake}/raw/theirs.parquet")
    with pytest.raises(SettingsError, match="holds files that are none of a lake's"):
        Lake.of(in_store)


def test_no_bucket(s3: Store, in_store: Settings) -> None:
    elsewhere = in_store.model_copy(update={"lake_dir": "s3://no-such-bucket/lake"})
    with pytest.raises(EngineError, match="no such bucket; make it, or mend MAINSTAY_LAKE_DIR"):
        Lake.of(elsewhere)
    ((state, what, text),) = machine.look_at_lake(elsewhere)
    assert (state, what) == ("problem", "lake")
    assert text.startswith("MAINSTAY_LAKE_DIR: s3://no-such-bucket/lake: there is no such bucket")


@pytest.mark.parametrize(
    ("change", "way_out"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODYKNOWSTHIS0"}, "mend AWS_ACCESS_KEY_ID"),
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "mend AWS_SECRET_ACCESS_KEY"),
        ({}, "let them list, read, write and delete"),
    ],
)
def test_whom_the_store_does_not_let_in(
    s3: Store,
    in_store: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    way_out: str,
) -> None:
    for name, value in (change or s3.powerless).items():
        monkeypatch.setenv(name, value)
    store._opened.cache_clear()
    try:
        with pytest.raises(EngineError, match=way_out) as raised:
            Lake.of(in_store)
    finally:
        store._opened.cache_clear()
    assert raised.value.exit_code == 13
    assert not any(told in str(raised.value) for told in (s3.secret, s3.key, *s3.powerless.values()))


def test_whom_the_store_lets_read_no_more(
    s3: Store, in_store: Settings, stored: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(stored, in_store)
    stored.close()
    for name, value in s3.powerless.items():
        monkeypatch.setenv(name, value)
    refused = pytest.raises(EngineError, match=r"cannot be read: HTTP 403 Forbidden\. .*mainstay doctor")
    with closing(connect(in_store)) as opened, refused as raised, database_errors(in_store):
        opened.execute("SELECT count(*) FROM raw.sales")
    assert raised.value.exit_code == 13
    assert not any(told in str(raised.value) for told in s3.powerless.values())


def test_credentials_that_run_out_are_asked_for_anew(
    s3: Store, in_store: Settings, stored: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(stored, in_store)
    stored.close()
    with monkeypatch.context() as before:
        for name, value in s3.powerless.items():
            before.setenv(name, value)
        opened = connect(in_store, read_only=True)
    with closing(opened):
        restrict(opened, engine_of(in_store).places(in_store))
        assert opened.execute("SELECT count(*) FROM raw.sales").fetchone() == (3,)
        assert s3.secret not in str(opened.execute("FROM duckdb_secrets()").fetchall())


def test_doctor_says_that_duckdb_cannot_read(in_store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "reach", lambda connection, settings: None)
    ((state, _, text),) = machine.look_at_lake(in_store)
    assert state == "problem"
    assert "Arrow writes there, and DuckDB cannot read it" in text
    assert Lake.of(in_store).names() == {LAKE_MARK}


def test_a_spark_without_the_connector_is_told_how_it_comes_by_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, engine="spark", lake_dir="s3://shop-lake/lake")
    raised = RuntimeError(
        "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found"
    )
    with (
        pytest.raises(EngineError, match=r"no connector for it\. Name Hadoop's in spark_conf"),
        database_errors(settings),
    ):
        raise raised


def test_objects_that_are_gone_are_told_with_the_way_out(
    in_store: Settings, stored: duckdb.DuckDBPyConnection
) -> None:
    loaded(stored, in_store).remove(["raw/sales"])
    with pytest.raises(EngineError, match="mainstay rebuild"), database_errors(in_store):
        stored.execute("SELECT count(*) FROM raw.sales")


def test_nobody_who_answers(
    in_store: Settings, stored: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(stored, in_store)
    stored.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    silent = pytest.raises(EngineError, match=r"cannot be read: Could not connect to server\. ")
    with closing(connect(in_store)) as opened, silent, database_errors(in_store):
        opened.execute("SELECT count(*) FROM raw.sales")


@pytest.mark.parametrize(
    "value", ["minio:9000", "ftp://minio", "https://me:mine@minio:9000", "https://minio/bucket", "http://"]
)
def test_an_endpoint_that_is_none(in_store: Settings, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", value)
    with pytest.raises(EngineError, match="is no address such as https://HOST:PORT") as raised:
        connect(in_store)
    assert "mine" not in str(raised.value)


def test_a_missing_extension_is_said_and_the_ledger_is_written_all_the_same(
    in_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "find_spec", lambda name: None)
    missing = r"extension httpfs .* not installed; install Mainstay with its extra `spark`"
    with pytest.raises(EngineError, match=missing):
        connect(in_store)
    ((state, _, text),) = machine.look_at_lake(in_store)
    assert (state, "extension httpfs" in text) == ("problem", True)
    with closing(connect(in_store, rows=False)) as opened:
        opened.execute(ledger.DDL)
        ledger.record_step(opened, "run", "load", ledger.now(), "failed", {"error": "no extension"})


@pytest.mark.parametrize(
    "address",
    [
        "gs://bucket/lake",
        "hdfs://name/lake",
        "s3://",
        "s3://Bucket/lake",
        "s3://bucket/a b",
        "s3://bucket/../other",
        "s3://bucket/lake?version=1",
        "s3://key:secret@bucket/lake",
        "s3://bucket/lake*",
    ],
)
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match="neither a folder nor an address s3://BUCKET/PATH"):
        Settings(home=tmp_path, engine="spark", lake_dir=address)
