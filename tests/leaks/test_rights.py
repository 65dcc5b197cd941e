"""Folders and files are for their readers, and no reader can keep a writer waiting."""

from __future__ import annotations

import fcntl
import grp
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deployments import mainstay, started
from loading_world import DAY, World

from pipelines.errors import SettingsError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.publish import files
from pipelines.settings import Settings, load_settings
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.rights import for_readers, out_of_reach, private_folder, serving_group_id, too_open

NOBODY = 65534
_LOCKS_ALL = """
import fcntl, os, sys
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
held = []
for root, folders, names in os.walk(sys.argv[1]):
    for path in [root, *(os.path.join(root, name) for name in names)]:
        try:
            held.append(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        fcntl.flock(held[-1], fcntl.LOCK_EX)
        if not os.path.isdir(path):
            fcntl.lockf(held[-1], fcntl.LOCK_SH)
print(len(held), flush=True)
sys.stdin.read()
"""


def bits(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def a_reader_that_locks_all(folder: Path) -> Iterator[int]:
    """Another account that locks whatever it can open; gives how many files and folders these are."""
    code = _LOCKS_ALL.format(uid=NOBODY)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        try:
            yield int(reader.stdout.readline())
        finally:
            reader.stdin.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another account")
def test_a_reader_cannot_keep_writers_waiting(tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(0o755)
    settings = Settings(home=tmp_path, serving_mode="0755", lock_timeout_seconds=0)
    for folder in (settings.warehouse.parent, settings.serving):
        folder.mkdir(parents=True)  # as older versions made them, for everyone
    (settings.warehouse.parent / "lock").touch(0o644)
    (settings.serving / "marts.duckdb").touch()
    with warehouse_lock(settings, "load", "run"), files.exclusive(settings.serving, 0):
        pass
    with a_reader_that_locks_all(settings.var) as locked:
        assert locked >= 2, "the reader must reach what is served"
        served = settings.serving / "marts.duckdb"
        with warehouse_lock(settings, "load", "run"), files.exclusive(settings.serving, 0):
            pass
        with files.writers_kept_out(served):
            pass


def test_lock_files_are_their_owners_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, private_mode="0750")
    with warehouse_lock(settings, "load", "run"), files.exclusive(settings.serving, 0):
        pass
    assert bits(settings.warehouse.parent / "lock") == 0o600
    assert (bits(settings.var / "locks"), bits(settings.var / "locks" / "serving")) == (0o700, 0o600)


def test_the_serving_folder_itself_is_no_lock(tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    serving.mkdir()
    reader = os.open(serving, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_EX)
    with files.exclusive(serving, 0):
        pass
    os.close(reader)


def test_rows_logs_and_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.good(1)
    before = os.umask(0o022)
    try:
        for command in ("land", "load"):
            assert mainstay(tmp_path, command, DAY, MAINSTAY_TIMEZONE="UTC").exit_code == 0
        assert mainstay(tmp_path, "validate", "raw", DAY, MAINSTAY_TIMEZONE="UTC").exit_code == 0
        airflow_environment(world.settings, "inprocess")
        umask = os.umask(0o022)
    finally:
        os.umask(before)
    assert umask == 0o022, "a command leaves its caller's umask alone"
    var = world.settings.var
    for name in ("warehouse", "gx", "airflow", "logs", "airflow/inprocess"):
        assert bits(var / name) == 0o700, name
    assert not [p for p in var.rglob("*") if p.is_file() and "landing" not in p.parts and bits(p) & 0o077]


def test_the_settings_say_who_reads(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    settings = Settings(home=tmp_path, private_mode="0750", serving_mode="0755", serving_group=group)
    assert bits(private_folder(settings, settings.var / "logs" / "airflow")) == 0o750
    assert (bits(settings.var), bits(settings.var / "logs")) == (0o751, 0o750)
    settings.serving.mkdir()
    file = settings.serving / "marts.duckdb"
    file.touch()
    for_readers(settings, settings.serving)
    for_readers(settings, file, read_only=True)
    assert (bits(settings.serving), bits(file)) == (0o755, 0o444)
    assert too_open(settings) == []
    assert out_of_reach(settings) is None
    closed = settings.model_copy(update={"private_mode": "0700", "serving_mode": "0750"})
    assert [path.name for path, _, _ in too_open(closed)] == ["var", "logs", "serving", "marts.duckdb"]


def test_keys_and_passwords_are_for_the_owner_alone_whatever_the_private_mode(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, private_mode="0750")
    places = ("warehouse/forget.key", "airflow/services/secrets.json", "airflow/services/passwords.json")
    for place in places:
        private_folder(settings, (settings.var / place).parent)
        (settings.var / place).touch(0o600)
    assert too_open(settings) == []
    for place in places:
        (settings.var / place).chmod(0o640)
    assert too_open(settings) == [(settings.var / place, 0o640, 0o600) for place in places]
    (settings.var / "dbt").mkdir(0o755)
    assert (settings.var / "dbt", 0o755, 0o750) in too_open(settings)


def test_a_group_that_is_not_there_and_a_mode_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, serving_group="no such group")
    with pytest.raises(SettingsError, match="MAINSTAY_SERVING_GROUP: this machine has no group 'no such"):
        serving_group_id(settings)
    monkeypatch.setenv("MAINSTAY_SERVING_MODE", "0077")
    with pytest.raises(SettingsError, match="MAINSTAY_SERVING_MODE"):
        load_settings()


def test_doctor_says_what_is_open_and_how_to_close_it(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    landing = deployment.settings.landing
    assert (bits(landing.parent), bits(landing)) == (0o710, 0o700)
    landing.chmod(0o755)
    said = " ".join(mainstay(deployment.settings.home, "doctor").output.split())
    assert f"more accounts than meant can open {landing} (0755 instead of 0700)" in said
    assert f"run `chmod 0700 {landing}`" in said
    landing.chmod(0o700)
    assert "more accounts" not in mainstay(deployment.settings.home, "doctor").output
