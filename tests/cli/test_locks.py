"""One writer: who waits says for whom, gives up with exit code 8, and never waits for a dead process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from deployments import Deployment, create
from shortening import soak

from pipelines.settings import PROJECT_DIR
from pipelines.warehouse.lock import holder, is_locked

HOLD = """
import sys, time
from pipelines.warehouse.lock import warehouse_lock
from pipelines.settings import load_settings
with warehouse_lock(load_settings(), "build", "run-of-the-other"):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""
SALE = {
    "transaction_id": "t1", "line_number": 1, "customer_id": "c1", "transaction_at": "2024-05-01 10:00:00", "net_amount": "5",
}  # fmt: skip


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    deployment = create(tmp_path / "shop")
    deployment.land("transactions", date(2024, 5, 1), [SALE])
    return deployment


def environment(deployment: Deployment, wait: float = 1.5) -> dict[str, str]:
    return os.environ | {
        "MAINSTAY_HOME": str(deployment.settings.home),
        "MAINSTAY_LOCK_TIMEOUT_SECONDS": str(wait),
        "COLUMNS": "200",
    }


def hold(deployment: Deployment, seconds: float) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(seconds)],
        env=environment(deployment), cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def run(deployment: Deployment, *arguments: str, wait: float = 1.5) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        env=environment(deployment, wait), cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_waiting_writer_names_the_holder_and_gives_up_with_8(deployment: Deployment) -> None:
    for other in hold(deployment, 60):
        for arguments in (["load"], ["load", "--json"], ["quarantine", "list"]):
            if arguments[0] == "quarantine" and not deployment.settings.warehouse.exists():
                continue
            result = run(deployment, *arguments)
            assert result.returncode == 8, result.stderr
            assert f"waiting for process {other.pid}" in result.stderr
            assert f"is being written by process {other.pid}" in result.stderr
            assert "build of run run-of-the-other" in result.stderr
            assert "MAINSTAY_LOCK_TIMEOUT_SECONDS" in result.stderr
            assert "Traceback" not in result.stderr
            assert result.stdout == ""
        assert not deployment.settings.warehouse.exists()


def test_status_says_who_writes_and_does_not_wait(deployment: Deployment) -> None:
    deployment.load()
    for other in hold(deployment, 60):
        began = time.monotonic()
        result = run(deployment, "status", "--json", wait=60)
        assert time.monotonic() - began < 20
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["writing"]["pid"] == other.pid
        text = run(deployment, "status").stdout
        assert f"process {other.pid}" in text
        assert "run-of-the-other" in text


def test_a_writer_takes_over_when_the_other_ends(deployment: Deployment) -> None:
    for _ in hold(deployment, 6):
        result = run(deployment, "load", wait=50)
    assert result.returncode == 0, result.stderr
    assert deployment.query("select count(*) from raw.transactions") == [(1,)]


def test_a_killed_writer_leaves_no_lock(deployment: Deployment) -> None:
    for other in hold(deployment, 60):
        other.send_signal(signal.SIGKILL)
        other.wait()
        result = run(deployment, "load", wait=0)
        assert result.returncode == 0, result.stderr


def test_two_loads_at_once_both_end_well(deployment: Deployment) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "load", "--json"],
            env=environment(deployment, 60), cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(json.loads(out)["loaded"] for out, _ in outputs) == [0, 1]
    assert deployment.query("select count(*) from raw.transactions") == [(1,)]


class Command:
    """A command line that runs beside others; what it says goes to files, so that it never waits for a reader."""

    def __init__(self, deployment: Deployment, *arguments: str, wait: float) -> None:
        name = deployment.settings.home.parent / "-".join(arguments)
        self.said = name.with_suffix(".txt")
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", *arguments],
                env=environment(deployment, wait), cwd=PROJECT_DIR, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def wait_until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 300
        while not happened():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)


@pytest.mark.soak
def test_writers_of_three_kinds_at_once_all_end_well(deployment: Deployment) -> None:
    """A build by hand in the middle of its work, and beside it a load and a whole night that have to wait."""
    settings = deployment.settings
    deployment.load()
    for number in (2, 3):
        day = date(2024, 5, number)
        sale = {"transaction_id": f"t{number}", "transaction_at": f"{day} 10:00:00"}
        deployment.land("transactions", day, [SALE | sale])
    commands: list[Command] = []
    try:
        commands.append(build := Command(deployment, "build", "--as-of", "2024-05-01", wait=600))
        mine = {"pid": build.process.pid, "step": "build"}
        build.wait_until(lambda: mine.items() <= (holder(settings) or {}).items())
        build.process.send_signal(signal.SIGSTOP)  # it keeps the lock, however slow the others are
        sentence = f"waiting for process {build.process.pid}"
        for arguments in (["load", "2024-05-02"], ["nightly", "2024-05-03"]):
            commands.append(waiting := Command(deployment, *arguments, wait=600))
            waiting.wait_until(lambda waiting=waiting: sentence in waiting.text)
        impatient = run(deployment, "load", wait=0.5)
        assert impatient.returncode == 8, impatient.stderr
        assert f"is being written by process {build.process.pid}" in impatient.stderr
        assert "waited 0.5 s" in impatient.stderr
        assert not (settings.serving / "marts.duckdb").exists()
        build.process.send_signal(signal.SIGCONT)
        for command in commands:
            assert command.process.wait(600) == 0, command.text
    finally:
        for command in commands:  # not killed: a night ends the process that it has started
            command.process.send_signal(signal.SIGCONT)
            command.process.terminate()
            command.process.wait(60)
    served = settings.serving / "marts.duckdb"
    assert deployment.query("select distinct as_of_date from _publish", served) == [(date(2024, 5, 3),)]
    assert deployment.query("select transaction_id from fct_transactions order by 1", served) == [
        ("t1",), ("t2",), ("t3",),
    ]  # fmt: skip
    runs = deployment.query("select kind, status from ops.runs where as_of_date >= '2024-05-01'")
    assert {status for _, status in runs} == {"success"}
    # The night loads what the load would have, if it is the first of the two to get its turn.
    assert {kind for kind, _ in runs} - {"history"} == {"build", "load", "nightly"}
    assert not is_locked(settings)


OPEN = """
import sys, time, duckdb
with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading"):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.mark.parametrize("how", [soak("reading"), "writing"])
def test_a_step_waits_for_a_program_that_has_the_warehouse_open_for_a_moment(
    deployment: Deployment, how: str
) -> None:
    deployment.load()
    deployment.land("transactions", date(2024, 5, 2), [SALE | {"transaction_id": "t2"}])
    command = [sys.executable, "-c", OPEN, str(deployment.settings.warehouse), how]
    for seconds, wait, code in (("60", 1, 8), ("12", 60, 0)):
        with subprocess.Popen([*command, seconds], stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            result = run(deployment, "load", wait=wait)
            assert result.returncode == code, result.stderr
            assert "waiting for another program" in result.stderr
            assert code == 0 or f"(PID {other.pid})" in result.stderr
            other.kill()
    assert deployment.query("select count(*) from raw.transactions") == [(2,)]


def test_who_looks_disturbs_no_step_and_no_step_fails_who_looks(deployment: Deployment) -> None:
    deployment.load()
    before = deployment.settings.warehouse.stat().st_mtime_ns
    lookers = [Command(deployment, *words, wait=60) for words in (["status"], ["doctor"])]
    for looker in lookers:
        assert looker.process.wait(120) == 0, looker.text
    assert deployment.settings.warehouse.stat().st_mtime_ns == before
    assert not deployment.settings.warehouse.with_name("mainstay.duckdb.wal").exists()

    deployment.land("transactions", date(2024, 5, 2), [SALE | {"transaction_id": "t2"}])
    together = [Command(deployment, *words, wait=60) for words in (["status"], ["load"], ["doctor"])]
    for command in together:
        assert command.process.wait(120) == 0, command.text
    assert deployment.query("select count(*) from raw.transactions") == [(2,)]


def test_a_ledger_of_an_older_mainstay_is_looked_at(deployment: Deployment) -> None:
    deployment.load()
    with duckdb.connect(str(deployment.settings.warehouse)) as connection:
        connection.execute("alter table ops.runs drop column reason")
    assert run(deployment, "status").returncode == 0
    assert deployment.query("select reason from ops.runs") == [(None,)]
