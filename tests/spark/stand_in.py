"""An object store of this machine that stands in for S3: it knows who may come in, and holds requests to their signatures."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.warehouse.engine import Table
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.keeper import LakeKeeper, write_rows
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import Entry

REGION, BUCKET, OTHER = "eu-central-1", "shop-lake", "other-bucket"
TABLE: Table = ("raw", "sales")
COLUMNS = [("id", "VARCHAR"), ("amount", "DECIMAL(18,2)"), ("partition_date", "DATE")]
FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def why_not() -> str | None:
    """Why there can be no such store here; None where there can."""
    for package in ("moto", "flask", "flask_cors", "duckdb_extension_httpfs", "duckdb_extension_aws"):
        try:
            __import__(package)
        except ImportError:
            return f"{package} is not installed: `make .venv/spark`"
    return None


@dataclass(frozen=True)
class Store:
    """The stand-in. The environment has the key of somebody who may do everything."""

    address: str
    files: Any
    key: str
    secret: str
    powerless: dict[str, str]
    """Variables of somebody whom the store knows, and lets do nothing."""

    def put(self, address: str) -> None:
        """Somebody else's object."""
        with self.files.open_output_stream(address.removeprefix("s3://")) as stream:
            stream.write(b"not yours")

    def read(self, address: str) -> str:
        """What an object holds."""
        with self.files.open_input_stream(address.removeprefix("s3://")) as stream:
            return str(stream.read(), "utf-8")

    def has(self, address: str) -> bool:
        """Whether there is such an object."""
        from pyarrow.fs import FileType

        return bool(self.files.get_file_info(address.removeprefix("s3://")).type == FileType.File)


@contextmanager
def standing() -> Iterator[Store]:
    """The store, and the environment that leads to it."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        iam = boto3.client(
            "iam",
            region_name=REGION,
            endpoint_url=address,
            aws_access_key_id="first",
            aws_secret_access_key="nobody asks yet",
        )
        keys = []
        for user in ("mainstay", "visitor"):
            iam.create_user(UserName=user)
            made = iam.create_access_key(UserName=user)["AccessKey"]
            keys.append((made["AccessKeyId"], made["SecretAccessKey"]))
        iam.put_user_policy(UserName="mainstay", PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING))
        (key, secret), (no_key, no_secret) = keys
        environment.setenv("AWS_ACCESS_KEY_ID", key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", secret)
        environment.setenv("AWS_REGION", REGION)
        environment.setenv("AWS_ENDPOINT_URL", address)
        place = {"endpoint_override": f"{host}:{port}", "scheme": "http", "region": REGION}
        files = S3FileSystem(**place, allow_bucket_creation=True)
        for bucket in (BUCKET, OTHER):
            files.create_dir(bucket)
        _tell(f"{address}/moto-api/reset-auth", b"0")  # from now on it asks
        powerless = {"AWS_ACCESS_KEY_ID": no_key, "AWS_SECRET_ACCESS_KEY": no_secret}
        yield Store(address, files, key, secret, powerless)
    # What it knows is the process's, and the next one's otherwise.
    _tell(f"{address}/moto-api/reset-auth", b"inf")
    _tell(f"{address}/moto-api/reset", b"")
    server.stop()


def _tell(address: str, what: bytes) -> None:
    request = Request(address, what, {"Content-Type": "text/plain"})  # noqa: S310 - on this machine
    build_opener(ProxyHandler({})).open(request).close()


def loaded(connection: duckdb.DuckDBPyConnection, deployment: Settings, attempt: str = "a") -> Lake:
    """Two partitions as tasks leave them, named and shown."""
    lake = Lake.of(deployment)
    with closing(duckdb.connect()) as task:
        columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS)
        task.execute(f"CREATE SCHEMA raw; CREATE TABLE raw.sales ({columns})")
        rows = "('x', 1.50, '2024-01-01'), ('y', 2.50, '2024-01-02'), ('z', 3, '2024-01-02')"
        task.execute(f"INSERT INTO raw.sales VALUES {rows}")
        kept = LakeKeeper(lake).keep(task, TABLE, attempt)
    own = [[name, type_, type_.lower()] for name, type_ in COLUMNS[:2]]
    manifest.drop(connection, TABLE)
    manifest.add(connection, [Entry(*TABLE, k.path, k.partition_date, own, "partition_date") for k in kept])
    manifest.show(connection, deployment, lake, TABLE, COLUMNS)
    return lake


def built(connection: duckdb.DuckDBPyConnection, deployment: Settings, version: str) -> None:
    """A table as Spark leaves it: several files, and a mark."""
    lake, path = Lake.of(deployment), f"marts/dim_shops/{version}"
    for number in range(2):
        folder, name = f"{path}/part-{number}", f"{path}/part-{number}.snappy.parquet"
        with closing(duckdb.connect()) as task:
            write_rows(task, f"SELECT 'S{number}' AS shop", lake, folder)
        with lake._files() as (files, root):
            files.move(f"{root}/{folder}/{manifest.ROWS}", f"{root}/{name}")
    lake.write_text(f"{path}/_SUCCESS", "")
    manifest.drop(connection, ("marts", "dim_shops"))
    manifest.add(connection, [Entry("marts", "dim_shops", path, None, [["shop", "VARCHAR", "string"]])])
    manifest.show(connection, deployment, lake, ("marts", "dim_shops"), [("shop", "VARCHAR")])
