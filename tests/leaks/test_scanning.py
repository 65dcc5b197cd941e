"""What looks for leaks finds them: one is planted in each kind of file, and each place, that the scans go through."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from scanning import ROWS, scan

MARKER = "zqplantedfullname"
DAY = "1901-01-07"


MANY = (
    # Texts that begin alike are packed: what they share stands once.
    "select i, 'zqplanted' || case when i = 777 then 'fullname' when i = 9 then 'zz' else cast(i as varchar) end as name, "
    f"date '{DAY}' as born from range(20000) as t(i)"
)


def in_duckdb(path: Path, schema: str = "main") -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create table {schema}.kept as {MANY}")


def in_parquet(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"copy ({MANY}) to '{path}' (compression gzip)")


def in_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table xcom (value json)")
        connection.execute("insert into xcom values (?)", [json.dumps([MARKER, DAY])])
        connection.commit()


def in_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(f"{MARKER * 9} {DAY * 9}".encode()))


def in_text(path: Path) -> None:
    path.write_text(f"… {MARKER.upper()} {DAY} …")


def in_another_encoding(path: Path) -> None:
    path.write_bytes(f"{MARKER} {DAY}".encode("utf-16"))


PLACES = {
    "serving/marts.duckdb": in_duckdb,
    "serving/parquet/current/tiers.parquet": in_parquet,
    "serving/report.html": in_text,
    "data_docs/index.html": in_text,
    "gx/scratch/customers/x.csv": in_text,
    "logs/nightly.log": in_text,
    "logs/dbt.log.1.gz": in_gzip,
    "airflow/inprocess/airflow.db": in_sqlite,
    "dbt/target/manifest.json": in_text,
    "dbt/target/partial_parse.msgpack": in_another_encoding,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_leak_is_found(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    PLACES[place](path)
    looked = scan(tmp_path, [MARKER, DAY, "another"], schemas=ROWS)
    for marker in (MARKER, DAY):
        assert any(str(path) in found and found.endswith(f": {marker}") for found in looked.found), marker
    assert not any("another" in found for found in looked.found)
    assert not scan(tmp_path, [MARKER], without=[tmp_path / place.partition("/")[0]]).found


def test_names_of_files_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / f"{MARKER}.log").touch()
    assert scan(tmp_path, [MARKER]).found


def test_in_the_warehouse_only_tables_with_rows_may_have_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "mainstay.duckdb"
    in_duckdb(warehouse, "raw")
    assert not scan(tmp_path, [MARKER], schemas=ROWS).found
    in_duckdb(warehouse, "ops")
    assert scan(tmp_path, [MARKER, DAY], schemas=ROWS).found == [
        f"{warehouse} ops.kept: {DAY}", f"{warehouse} ops.kept: {MARKER}"
    ]  # fmt: skip
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table ops.kept")
        connection.execute("create view ops.seen as select name from raw.kept")
    assert scan(tmp_path, [MARKER, DAY], schemas=ROWS).found == [f"{warehouse} ops.seen: {MARKER}"]


def test_what_is_compressed_would_not_be_found_by_its_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.parquet", "c.duckdb"):
        path = tmp_path / name
        (in_gzip if name == "a.gz" else in_parquet if name == "b.parquet" else in_duckdb)(path)
        assert MARKER.encode() not in path.read_bytes(), name
