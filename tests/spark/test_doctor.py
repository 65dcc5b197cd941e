"""`mainstay doctor` with Spark: what is missing or other than it should be is said with the way out; no Java but in the last."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deployments import mainstay, started

from pipelines.settings import Settings
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.spark import examine as examination
from pipelines.warehouse.spark import machine, workers
from pipelines.warehouse.spark.lake import Lake

OWN = {"Python": "3.11.9", "duckdb": "1.5.5", "mainstay": "1.0.0"}


@pytest.fixture
def deployment(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, engine="spark", spark_master="local[1]")


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines)), encoding="utf-8")
    path.chmod(0o755)
    return path


def java(settings: Settings) -> tuple[str, str]:
    ((state, _, text),) = machine.look_at_java(settings)
    return state, text


def test_no_java(deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    state, text = java(deployment)
    assert state == "problem"
    assert "no java on the PATH, and JAVA_HOME is not set; install Java 17 or newer" in text


@pytest.mark.parametrize(
    ("said", "state", "told"),
    [
        ('openjdk version "17.0.15" 2025-04-15', "ok", "Java 17.0.15"),
        ('openjdk version "21" 2023-09-19', "ok", "Java 21"),
        ('java version "1.8.0_392"', "problem", "is Java 1.8.0_392; install Java 17 or newer"),
        ('openjdk version "11.0.2" 2019-01-15', "problem", "name its folder in JAVA_HOME"),
        ("something else", "warning", "does not say its version"),
    ],
)
def test_the_java_of_java_home_goes_first_and_must_be_new_enough(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, state: str, told: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    program(tmp_path / "jdk" / "bin" / "java", f"echo '{said}' >&2")
    program(tmp_path / "path" / "java", "echo 'openjdk version \"99\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=os.pathsep)
    found, text = java(deployment)
    assert found == state
    assert told in text
    assert "jdk/bin/java (by JAVA_HOME)" in text


def test_a_java_home_without_java(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    state, text = java(deployment)
    assert state == "problem"
    assert "cannot be run (No such file or directory); name the folder of another in JAVA_HOME" in text


def test_spark_connect_needs_no_java_here(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert java(deployment.model_copy(update={"spark_master": "sc://host"}))[0] == "ok"


def test_packages_that_are_missing_or_of_another_version(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ['pyspark[connect]==4.3.0; extra == "spark"', 'uv>=0.9; extra == "dev"', "dbt-core>=1.11"]
    asked.append('dbt-spark<1.12,>=1.11; extra == "spark"')
    monkeypatch.setattr(machine, "requires", lambda name: asked)
    have = {"pyspark": "4.3.0", "dbt-spark": "1.11.0"}

    def version(name: str) -> str:
        if name not in have:
            raise PackageNotFoundError(name)
        return have[name]

    monkeypatch.setattr(machine, "version", version)
    assert list(machine.look_at_packages(deployment)) == []
    have["pyspark"] = "4.2.0"
    del have["dbt-spark"]
    (missing, wrong) = [text for state, _, text in machine.look_at_packages(deployment) if state == "problem"]
    assert "not installed: dbt-spark; install Mainstay with its extra `spark`" in missing
    assert "pyspark 4.2.0 instead of ==4.3.0" in wrong


def test_a_lake_that_others_can_open(deployment: Settings, tmp_path: Path) -> None:
    lake = tmp_path / "elsewhere"
    lake.mkdir(mode=0o755)
    lake.chmod(0o755)
    open_ = deployment.model_copy(update={"lake_dir": str(lake)})
    state, _, text = next(iter(machine.look_at_lake(open_)))
    assert state == "warning"
    assert f"run `chmod 0700 {lake}`" in text
    lake.chmod(0o700)
    ((state, _, text),) = machine.look_at_lake(open_)
    assert (state, [path.name for path in lake.iterdir()]) == ("ok", [LAKE_MARK])


def test_a_lake_of_another_account(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    state, _, text = next(iter(machine.look_at_lake(deployment)))
    assert state == "warning"
    assert f"belongs to account {owner}, and Mainstay runs as {owner + 1}" in text


def test_a_lake_that_cannot_be(deployment: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/lake"):
        ((state, what, text),) = machine.look_at_lake(
            deployment.model_copy(update={"lake_dir": str(tmp_path / place)})
        )
        assert (state, what) == ("problem", "lake")
        assert str(tmp_path / place) in text


def test_a_lake_without_room(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))(10**12, 10**12 - 5 * 10**8, 5 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    ((state, _, text),) = machine.look_at_lake(deployment)
    assert state == "warning"
    assert "0.5 GiB free; make room" in text


def test_nobody_answers_where_spark_should_be(deployment: Settings) -> None:
    with socket.socket() as taken, socket.create_server(("127.0.0.1", 0)) as answers:
        taken.bind(("127.0.0.1", 0))
        closed, opened = taken.getsockname()[1], answers.getsockname()[1]
        for scheme in ("spark", "sc"):
            asked = deployment.model_copy(update={"spark_master": f"{scheme}://127.0.0.1:{closed}"})
            ((state, what, text),) = examination._look_at_address(asked)
            assert (state, what) == ("problem", "spark")
            assert f"nobody answers at 127.0.0.1:{closed} (Connection refused); start Spark there" in text
        several = f"spark://127.0.0.1:{closed},127.0.0.1:{opened}"
        assert (
            list(examination._look_at_address(deployment.model_copy(update={"spark_master": several}))) == []
        )
    assert list(examination._look_at_address(deployment)) == []


def test_spark_that_takes_too_long_is_ended_with_all_that_it_started(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = program(tmp_path / "python", f"sleep 60 & echo $! > {tmp_path}/child", "wait")
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(examination, "SECONDS", 1.0)
    ((state, what, text),) = examination._look_at_spark(deployment)
    assert (state, what) == ("problem", "spark")
    assert "did not start and end a small task within 1 s" in text
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    deadline = time.monotonic() + 10
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "what it had started runs on"
        time.sleep(0.05)


def test_a_look_at_spark_that_breaks_says_its_last_word_without_values(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = program(tmp_path / "python", "echo '[CAST_INVALID_INPUT] The value Anna is' >&2", "exit 1")
    monkeypatch.setattr(sys, "executable", str(broken))
    ((state, _, text),) = examination._look_at_spark(deployment)
    assert state == "problem"
    assert "[CAST_INVALID_INPUT]" in text
    assert "Anna" not in text


def test_no_secret_is_handed_to_the_look_at_spark(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard, fake = tmp_path / "heard", tmp_path / "python"
    monkeypatch.setattr(
        sys, "executable", str(program(fake, f"cat > {heard}", f'echo "$@" > {heard}.arguments', "echo '[]'"))
    )
    told = Settings(**deployment.model_dump() | {"postgres_url": "postgresql://u:Se3cret@h/d"})
    assert examination._look_at_spark(told) == []
    assert "Se3cret" not in heard.read_text() + Path(f"{heard}.arguments").read_text()
    assert Settings(**json.loads(heard.read_text())).spark_master == "local[1]"


def test_what_is_wrong_here_keeps_spark_from_being_started(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setattr(examination, "look_at_packages", lambda settings: [])
    monkeypatch.setattr(examination, "_look_at_spark", lambda settings: pytest.fail("it was started"))
    assert ("warning", "spark", "not looked at, because of java") in list(examination.examine(deployment))


def test_a_server_of_another_version(deployment: Settings) -> None:
    own = pytest.importorskip("pyspark").__version__
    state, _, text = workers._version(SimpleNamespace(version="3.5.1"), deployment)  # type: ignore[arg-type]
    assert state == "problem"
    assert f"local[1] has Spark 3.5.1, and PySpark here is {own}; both must be the same" in text


def test_workers_that_are_as_the_driver(deployment: Settings) -> None:
    said = [
        {"host": host, "process": process, "versions": OWN, "problems": []}
        for host, process in (("w1", 1), ("w1", 1), ("w1", 2), ("w2", 1))
    ]
    ((state, what, text),) = workers.judged(OWN, said)
    assert (state, what) == ("ok", "workers")
    assert text.startswith("w1 ×2, w2: Python 3.11.9, duckdb 1.5.5, mainstay 1.0.0, as here")


def test_a_worker_with_another_version_or_without_a_package_is_named_once() -> None:
    other = {"host": "w2", "process": 1, "versions": {"Python": "3.12.1", "duckdb": "1.5.5"}, "problems": []}
    said = [{"host": "w1", "process": 1, "versions": OWN, "problems": []}, other, other]
    seen = workers.judged(OWN, said)
    assert [state for state, *_ in seen] == ["problem", "problem"]
    assert "worker w2: Python 3.12.1, and the driver has 3.11.9; install the same there" in seen[0][2]
    assert "worker w2: mainstay is not there, and the driver has 1.0.0" in seen[1][2]


@pytest.fixture
def closed() -> Iterator[None]:
    """A process started with the umask that a worker is to be started with."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def looked(settings: Settings, mark: str, datasets: list[str]) -> dict[str, Any]:
    """What a task says, run in this process."""
    pa = pytest.importorskip("pyarrow")
    _, look = workers.probe(Lake.of(settings).root, str(settings.landing), datasets, mark, 0o700)
    (batch,) = look(iter([pa.RecordBatch.from_pydict({"id": [0]})]))
    return dict(json.loads(batch.column(0)[0].as_py()))


def test_a_task_writes_reads_and_removes_in_the_lake_and_sees_the_landing_folder(
    deployment: Settings, closed: None
) -> None:
    lake = Lake.of(deployment)
    lake.write_json("mark", "mark")
    (deployment.landing / "transactions").mkdir(parents=True)
    said = looked(deployment, "mark", ["transactions"])
    assert said["problems"] == []
    assert lake.folder is not None
    assert {path.name for path in lake.folder.iterdir()} == {"mark", LAKE_MARK}
    ((_, text),) = enumerate(looked(deployment, "mark", ["transactions", "feedback"])["problems"])
    assert f"does not see feedback in the landing folder {deployment.landing}" in text
    lake.remove_file("mark")
    (text,) = looked(deployment, "mark", [])["problems"]
    assert "does not see what the driver has just written to the lake" in text


def test_a_task_whose_files_others_can_open(deployment: Settings) -> None:
    Lake.of(deployment).write_json("mark", "mark")
    before = os.umask(0o022)
    try:
        (text,) = looked(deployment, "mark", [])["problems"]
    finally:
        os.umask(before)
    assert "more accounts than meant can open (0644); start its workers with `umask 077`" in text


def test_a_task_that_cannot_write_the_lake(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Lake.of(deployment).write_json("mark", "mark")
    (Path(deployment.lake) / "mark-0").mkdir()
    (text,) = looked(deployment, "mark", [])["problems"]
    assert "cannot write, read and remove a file in the lake" in text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12", "Python is of another version"),
        ("java.io.IOException: Cannot run program \"/opt/python\": error=2", "the workers have no Python at"),
        ("An exception was thrown from the Python worker:\nNo module named 'pyarrow'", "the workers lack pyarrow"),
        ("ExecutorLostFailure (executor 1 exited)", "ended in the middle of its work"),
        ("[CAST_INVALID_INPUT] The value 'Anna'", "a small task failed: [CAST_INVALID_INPUT] (what it says"),
    ],
)  # fmt: skip
def test_why_a_task_fails(deployment: Settings, said: str, told: str) -> None:
    text = workers._why(deployment, RuntimeError(said))
    assert told in text
    assert "Anna" not in text


def test_doctor_tells_of_it_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(tmp_path / "shop")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    result = mainstay(shop.settings.home, "doctor", "--json", MAINSTAY_ENGINE="spark")
    assert result.exit_code == 1, result.output
    found = {f["what"]: f for f in json.loads(result.stdout)}
    assert found["java"]["state"] == "error"
    assert "dbt-spark" in found["versions"]["text"]
    assert "dbt-duckdb" not in found["versions"]["text"]


@pytest.mark.soak
def test_a_local_spark(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    shop = started(tmp_path / "shop")
    (shop.settings.landing / "transactions").mkdir(parents=True, exist_ok=True)
    result = mainstay(
        shop.settings.home, "doctor", "--json", MAINSTAY_ENGINE="spark", MAINSTAY_SPARK_MASTER="local[1]"
    )
    assert result.exit_code == 0, result.output
    found = {f["what"]: (f["state"], f["text"]) for f in json.loads(result.stdout)}
    assert found["spark"][0] == found["workers"][0] == found["lake"][0] == found["java"][0] == "ok"
    assert "as here; they see the landing folder and write the lake" in found["workers"][1]
    lake = Path(shop.settings.lake)
    assert [path.name for path in lake.iterdir()] == [LAKE_MARK]
    assert stat.S_IMODE(lake.stat().st_mode) == 0o700
