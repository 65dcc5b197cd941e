"""`mainstay up` that is killed leaves no process, and there is one at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import LockedError
from pipelines.orchestrate import services
from pipelines.orchestrate.environment import airflow_home
from pipelines.orchestrate.runlock import one_at_a_time
from pipelines.settings import Settings

SERVICE = """
import pathlib, signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
import os
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
STARTER = """
import subprocess, sys, time
from pipelines.orchestrate.guarded import GUARD
guards = [
    subprocess.Popen([*GUARD, "0.5", sys.executable, "-c", sys.argv[1], sys.argv[2] + how, how],
                     stdin=subprocess.PIPE, start_new_session=True)
    for how in ("obedient", "stubborn")
]
time.sleep(600)
"""


def until(happened: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # one whose parent has not asked for its code has ended all the same
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_services_end_with_a_killed_starter_and_take_what_they_started_with_them(tmp_path: Path) -> None:
    notes = [tmp_path / f"note-{how}" for how in ("obedient", "stubborn")]
    starter = subprocess.Popen([sys.executable, "-c", STARTER, SERVICE, str(tmp_path / "note-")])
    until(lambda: all(note.exists() and len(note.read_text().split()) == 2 for note in notes))
    processes = [int(pid) for note in notes for pid in note.read_text().split()]
    assert all(map(lives, processes))
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until(lambda: not any(map(lives, processes)))


def test_a_second_up_is_refused_at_once_and_names_the_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    began = time.monotonic()
    with (
        one_at_a_time(airflow_home(settings, "services"), "mainstay up", 0, print),
        pytest.raises(LockedError, match=rf"process {os.getpid()} on \S+ \(mainstay up, since"),
    ):
        services.up(settings, port=1, say=lambda _: None)
    assert time.monotonic() - began < 5


def test_an_up_waits_for_what_a_killed_one_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, started = Settings(home=tmp_path), []
    monkeypatch.setattr(services, "require_free", lambda *_: None)
    monkeypatch.setattr(services, "_serve", lambda *_: started.append(True))
    code = (
        "import subprocess, sys; from pathlib import Path\n"
        "from pipelines.orchestrate.runlock import one_at_a_time\n"
        "with one_at_a_time(Path(sys.argv[1]), 'mainstay up', 0, print) as lock:\n"
        "    subprocess.Popen(['sleep', '2'], pass_fds=(lock,), stdout=subprocess.DEVNULL); import os; os._exit(1)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(airflow_home(settings, "services"))])
    assert killed.returncode == 1
    said: list[str] = []
    services.up(settings, say=said.append)
    assert started == [True]
    assert said[0].startswith("waiting for process")
