"""A server of Spark Connect: whose catalogue it is, that it is gone, and the same mart by way of it; `make soak` starts one."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipelines.contracts import mart_contracts
from pipelines.errors import BuildError, EngineError, ProcessKilledError
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.transform import run as dbt_runs
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.faults import explained
from pipelines.warehouse.spark.catalogue import OWNER, make_anew
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.served import require_own_server
from pipelines.warehouse.spark.session import _why, first_line, spark_session
from tests.soak.purity.ways import World, from_scratch

from .cluster import free_port
from .parity import attached, differences
from .sessions import needs_spark
from .test_mutated import MART, with_one_mart  # noqa: F401 - a fixture

sys.path.append(str(PROJECT_DIR / "tests" / "purity"))
from one_history import one_history

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")


class Server:
    """What `require_own_server` asks a session of; the lake is the one of this machine, or another of the same name."""

    def __init__(self, lake: Path | None = None, **conf: str) -> None:
        self.lake = lake
        self.values = {"spark.sql.catalogImplementation": "in-memory"} | conf
        self.databases = {"default": "default database"}
        self.policies: list[Any] = []
        self.client = self.conf = self.read = self

    def set_retry_policies(self, policies: list[Any]) -> None:
        self.policies = policies

    def get(self, name: str, default: str) -> str:
        return self.values.get(name, default)

    def sql(self, query: str) -> Server:
        if query == "SHOW DATABASES":
            self.rows = [(name, "") for name in self.databases]
        else:
            name = query.removeprefix("DESCRIBE DATABASE `").removesuffix("`")
            self.rows = [("Namespace Name", name), ("Comment", self.databases[name]), ("Owner", "root")]
        return self

    def text(self, address: str) -> Server:
        path = Path(address.removeprefix("file://"))
        found = path if self.lake is None else self.lake / path.name
        if not found.exists():
            from pyspark.errors import AnalysisException

            raise AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {address}")
        self.rows = [(found.read_text(encoding="utf-8"), "")]
        return self

    def collect(self) -> list[tuple[str, str]]:
        return self.rows


def settings_of(home: Path) -> Settings:
    return Settings(home=home, engine="spark", spark_master="sc://127.0.0.1:15002")


def require_own(server: Server, settings: Settings, **asked: str) -> None:
    require_own_server(server, settings, asked)  # type: ignore[arg-type]


def owner_of(settings: Settings) -> str:
    return OWNER + Lake.of(settings).address()


def test_a_server_with_nothing_or_its_own_is_taken_and_not_waited_for_long(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    settings, server = settings_of(tmp_path), Server()
    require_own(server, settings)
    server.databases |= dict.fromkeys(("raw", "marts"), owner_of(settings))
    require_own(server, settings)
    (policy,) = server.policies
    assert policy.max_retries == 5
    assert [path.name for path in Path(settings.lake).iterdir()] == [LAKE_MARK]


@pytest.mark.parametrize("kind", ["hive", ""])
def test_a_catalogue_that_lasts_is_left_alone(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    server = Server(**{"spark.sql.catalogImplementation": kind})
    with pytest.raises(EngineError, match=r"would replace databases in it; start one of its own with"):
        require_own(server, settings_of(tmp_path))


def test_a_setting_that_a_server_does_not_take_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    server = Server(**{"spark.executor.memory": "1g"})
    with pytest.raises(EngineError, match=r"has spark.executor.memory=1g and takes no 4g from a session"):
        require_own(server, settings_of(tmp_path), **{"spark.executor.memory": "4g"})


def test_databases_of_others_are_not_replaced(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    server = Server()
    server.databases |= {"raw": owner_of(settings_of(tmp_path)), "marts": "sales of the whole company"}
    with pytest.raises(EngineError, match="databases that are not Mainstay's, such as marts"):
        require_own(server, settings_of(tmp_path))


def test_another_deployments_server_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    server = Server()
    server.databases["raw"] = owner_of(settings_of(tmp_path / "one"))
    with pytest.raises(EngineError, match=r"is of the lake .*one.*, and this deployment's is .*other"):
        require_own(server, settings_of(tmp_path / "other"))


def test_a_server_that_has_another_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(EngineError, match="does not see what was just written to the lake"):
        require_own(Server(tmp_path / "elsewhere"), settings_of(tmp_path / "home"))
    assert [path.name for path in Path(settings_of(tmp_path / "home").lake).iterdir()] == [LAKE_MARK]


class Databases:
    """A catalogue of databases with comments, as `make_anew` speaks to it."""

    def __init__(self, **found: str) -> None:
        self.found = {"default": "", **found}

    def sql(self, query: str) -> Databases:
        what, _, name = (
            query.replace("IF EXISTS ", "")
            .removesuffix(" CASCADE")
            .partition(" COMMENT ")[0]
            .partition(" DATABASE ")
        )
        name = name.strip("`")
        if what == "CREATE":
            assert name not in self.found, "Spark says that it is there"
            self.found[name] = query.partition(" COMMENT ")[2].strip("'")
        elif what == "DROP":
            self.found.pop(name, None)
        self.rows = (
            [(n, "") for n in self.found] if what == "SHOW DATABASES" else [("Comment", self.found.get(name))]
        )
        return self

    def collect(self) -> list[tuple[Any, ...]]:
        return self.rows


def test_of_a_shared_catalogue_the_lakes_databases_alone_are_made_anew() -> None:
    lake, other = Lake("/lake"), Lake("/other")
    mine, theirs = OWNER + lake.address(), OWNER + other.address()
    shared = Databases(raw=mine, left_by_a_kill=mine, reports="somebody's", stock=theirs)
    make_anew(shared, lake, ["raw", "marts"], is_shared=True)  # type: ignore[arg-type]
    assert shared.found == {
        "default": "",
        "reports": "somebody's",
        "stock": theirs,
        "raw": mine,
        "marts": mine,
    }
    with pytest.raises(AssertionError, match="is there"):
        make_anew(shared, lake, ["reports"], is_shared=True)  # type: ignore[arg-type]
    assert shared.found["reports"] == "somebody's"
    own = Databases(raw=theirs, more=theirs)
    make_anew(own, lake, ["raw"], is_shared=False)  # type: ignore[arg-type]
    assert own.found == {"default": "", "more": theirs, "raw": mine}


@pytest.mark.parametrize(
    ("variable", "value", "master"),
    [("SPARK_REMOTE", "sc://somewhere:15002", "local[1]"), ("MASTER", "local[1]", "sc://{address}")],
)
def test_a_variable_that_is_at_odds_with_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, master: str
) -> None:
    pyspark = pytest.importorskip("pyspark.sql", reason="needs `make .venv/spark`")
    monkeypatch.setattr(pyspark.SparkSession, "getActiveSession", classmethod(lambda _: None))
    monkeypatch.setenv(variable, value)
    with socket.create_server(("127.0.0.1", 0)) as answers:
        asked = Settings(
            home=tmp_path,
            engine="spark",
            spark_master=master.format(address=f"127.0.0.1:{answers.getsockname()[1]}"),
        )
        with pytest.raises(
            EngineError, match=r"Spark cannot be started or reached at .*CANNOT_CONFIGURE_SPARK_CONNECT"
        ):
            spark_session(asked)


GONE = """<_InactiveRpcError of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.7:15002: Connection refused (111)"
\tdebug_error_string = "UNKNOWN:Error received from peer"
>"""
LOST = [
    GONE,
    "[INVALID_HANDLE.SESSION_CHANGED] The handle 5 is invalid. The existing Spark server driver instance has restarted.",
    "[INVALID_HANDLE.SESSION_CLOSED] The handle 5 is invalid. Session was closed. SQLSTATE: HY000",
    "[NO_ACTIVE_SESSION] No active Spark session found. Please create a new Spark session before running the code.",
    "[INVALID_CONNECT_URL] Invalid URL for Spark Connect: The path component for connection URI must be empty.",
]


@pytest.mark.parametrize("said", LOST)
@pytest.mark.parametrize("by", [RuntimeError, BuildError])
def test_a_server_that_is_gone_is_told_as_that(tmp_path: Path, said: str, by: type[Exception]) -> None:
    known = explained(settings_of(tmp_path), by(f"model dim_tiers: {said}" if by is BuildError else said))
    assert isinstance(known, ProcessKilledError)
    assert "sc://127.0.0.1:15002 ended in the middle of its work" in str(known)


def test_of_grpcs_lines_the_one_with_the_reason_is_told(tmp_path: Path) -> None:
    wanted = "failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.7:15002: Connection refused (111)"
    assert first_line(RuntimeError(GONE)) == wanted
    assert f"({wanted})" in _why(settings_of(tmp_path), RuntimeError(GONE))


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
from tests.soak.purity.ways import World, corrected
history, home, engine, built = pickle.loads(sys.stdin.buffer.read())
dbt_runs.SELECTIONS["build"] = built
steps.fit = lambda *_: None
World(Path(home), history, engine=engine).go(corrected)
"""
"""Loads, corrects and builds in a process of its own: one in which Spark has started its own Java cannot use a server's."""


@needs_spark
@pytest.mark.soak
@pytest.mark.usefixtures("with_one_mart", "with_few_checks")
def test_loads_corrections_and_builds_by_way_of_a_server_give_the_same_mart(
    address: str, tmp_path: Path
) -> None:
    """Keys of several dates, dates that are corrected, emptied and removed, stale dates made anew."""
    duckdbs = World(tmp_path / "duckdb", one_history())
    duckdbs.go(from_scratch)
    engine: dict[str, Any] = {"engine": "spark", "spark_master": address}
    told = pickle.dumps((one_history(), str(tmp_path / "spark"), engine, dbt_runs.SELECTIONS["build"]))
    done = subprocess.run(
        [sys.executable, "-c", NIGHT], input=told, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert "Failed to set" not in said
    sparks = Settings(home=tmp_path / "spark", **engine)
    with attached(duckdbs.settings.warehouse, sparks.warehouse) as connection:
        assert differences(connection, [mart_contracts()[MART]]) == []
    other = World(tmp_path / "other", one_history())
    for partition, files in other.history.final.items():
        other._land(partition, files)
    # A process of its own each, as the command line's is.
    spark = {"MAINSTAY_ENGINE": "spark", "MAINSTAY_SPARK_MASTER": address}
    program = [sys.executable, "-m", "pipelines.cli"]
    for home, command, code, words in (
        ("spark", ["doctor", "--json"], 0, '"what": "workers"'),
        ("other", ["load"], 13, "each would read the other's tables"),
    ):
        ran = subprocess.run(
            [*program, *command], capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**os.environ, **spark, "MAINSTAY_HOME": str(tmp_path / home), "PYTHONPATH": str(PROJECT_DIR)},
        )  # fmt: skip
        assert ran.returncode == code, (command, ran.stdout, ran.stderr)
        assert words in ran.stdout + ran.stderr
