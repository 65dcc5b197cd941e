"""A server of Spark Connect: whose catalogue it is, and the same marts by way of it.

The catalogue that others would lose is refused without a server; `make soak` starts one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from deployments import mainstay

from pipelines.contracts import mart_contracts
from pipelines.errors import EngineError
from pipelines.settings import Settings
from pipelines.warehouse.spark.served import MARK, claim_catalogue
from tests.soak.purity.ways import World, from_scratch

from .cluster import free_port
from .parity import attached, differences
from .sessions import needs_spark
from .test_mutated import HISTORY, MART, with_one_mart  # noqa: F401 - a fixture


@dataclass
class Catalogue:
    """What `claim_catalogue` asks of a session, and what it has been told to do."""

    kind: str | None = "in-memory"
    databases: dict[str, str] = field(default_factory=lambda: {"default": ""})

    @property
    def conf(self) -> Catalogue:
        return self

    def get(self, name: str, default: str) -> str:
        assert name == "spark.sql.catalogImplementation"
        return default if self.kind is None else self.kind

    def sql(self, query: str) -> Catalogue:
        self.asked = query
        if query.startswith("CREATE DATABASE IF NOT EXISTS `mainstay` COMMENT "):
            self.databases.setdefault(MARK, query.partition(" COMMENT ")[2].strip("'"))
        return self

    def collect(self) -> list[tuple[str, ...]]:
        if self.asked == "SHOW DATABASES":
            return [(name,) for name in self.databases]
        assert self.asked == "DESCRIBE DATABASE `mainstay`"
        return [("Namespace Name", MARK), ("Comment", self.databases[MARK]), ("Owner", "root")]


def settings_of(home: Path) -> Settings:
    return Settings(home=home, engine="spark", spark_master="sc://127.0.0.1:15002")


def claim(catalogue: Catalogue, settings: Settings) -> None:
    claim_catalogue(catalogue, settings)  # type: ignore[arg-type]


def test_a_new_server_becomes_the_deployments_and_stays_so(tmp_path: Path) -> None:
    catalogue = Catalogue()
    claim(catalogue, settings_of(tmp_path))
    assert catalogue.databases[MARK] == settings_of(tmp_path).lake
    catalogue.databases |= {"raw": "", "marts": ""}
    claim(catalogue, settings_of(tmp_path))


@pytest.mark.parametrize("kind", ["hive", "", None])
def test_a_catalogue_that_lasts_is_left_alone(tmp_path: Path, kind: str | None) -> None:
    catalogue = Catalogue(kind)
    with pytest.raises(EngineError, match=r"would replace databases in it; start a server of its own"):
        claim(catalogue, settings_of(tmp_path))
    assert list(catalogue.databases) == ["default"]


def test_databases_of_others_are_not_replaced(tmp_path: Path) -> None:
    catalogue = Catalogue(databases={"default": "", "marts": ""})
    with pytest.raises(EngineError, match="databases that are not Mainstay's, such as marts"):
        claim(catalogue, settings_of(tmp_path))
    assert MARK not in catalogue.databases


def test_another_deployments_server_is_refused(tmp_path: Path) -> None:
    catalogue = Catalogue()
    claim(catalogue, settings_of(tmp_path / "one"))
    with pytest.raises(EngineError, match=r"is of the lake .*one.*, and this deployment's is .*other"):
        claim(catalogue, settings_of(tmp_path / "other"))
    claim(catalogue, settings_of(tmp_path / "one"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server of Spark Connect with two cores."""
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    spark, folder, port = (
        Path(spec.submodule_search_locations[0]),
        tmp_path_factory.mktemp("server"),
        free_port(),
    )
    conf = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.hadoop.fs.permissions.umask-mode": "077",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(folder),
    }
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(spark / "bin" / "spark-submit", "--master", "local[2]"),
                *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
                *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
                *(part for name, value in conf.items() for part in ("--conf", f"{name}={value}")),
            ],
            env={**os.environ, "SPARK_HOME": str(spark), "PYSPARK_PYTHON": sys.executable},
            cwd=folder, stdout=log, stderr=log, start_new_session=True, umask=0o077,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while "Spark Connect server started at" not in (folder / "server.log").read_text(errors="replace"):
            assert process.poll() is None, (folder / "server.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


NIGHT = """
import pickle, sys
from pathlib import Path
from pipelines import steps
from pipelines.transform import run as dbt_runs
from tests.soak.purity.ways import World, from_scratch
history, home, engine, built = pickle.loads(sys.stdin.buffer.read())
dbt_runs.SELECTIONS["build"] = built
steps.fit = lambda *_: None
World(Path(home), history, engine=engine).go(from_scratch)
"""
"""Loads and builds in a process of its own: one in which Spark has started its own Java cannot use a server's."""


@needs_spark
@pytest.mark.soak
@pytest.mark.usefixtures("with_one_mart")
def test_a_night_by_way_of_a_server_gives_the_same_mart(address: str, tmp_path: Path) -> None:
    import pickle

    from pipelines.transform.run import SELECTIONS

    duckdbs = World(tmp_path / "duckdb", HISTORY)
    duckdbs.go(from_scratch)
    engine: dict[str, Any] = {
        "engine": "spark",
        "spark_master": address,
        "spark_conf": {"spark.sql.shuffle.partitions": "1"},
    }
    for home, code in (("spark", 0), ("another", 1)):  # the server's catalogue is the first one's
        told = pickle.dumps((HISTORY, str(tmp_path / home), engine, SELECTIONS["build"]))
        done = subprocess.run(
            [sys.executable, "-c", NIGHT], input=told, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        said = done.stderr.decode()
        assert done.returncode == code, said
        assert ("each would read the other's tables" in said) == bool(code), said
        assert "Failed to set" not in said
    sparks = Settings(home=tmp_path / "spark", **engine)
    with attached(duckdbs.settings.warehouse, sparks.warehouse) as connection:
        assert differences(connection, [mart_contracts()[MART]]) == []
    result = mainstay(
        tmp_path / "spark", "doctor", "--json", MAINSTAY_ENGINE="spark", MAINSTAY_SPARK_MASTER=address
    )
    found = {f["what"]: (f["state"], f["text"]) for f in json.loads(result.stdout)}
    assert {found[name][0] for name in ("java", "spark", "workers", "lake")} == {"ok"}, found
