"""`mainstay bi` without Superset: what it refuses, what it passes on, what it keeps."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.bi import install, start
from pipelines.errors import LockedError, MainstayError, PublishError, SettingsError
from pipelines.orchestrate.runlock import one_at_a_time
from pipelines.settings import PROJECT_DIR, Settings

PREPARE = PROJECT_DIR / "deploy" / "superset" / "prepare.py"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    settings.serving.mkdir(parents=True)
    (settings.serving / "marts.duckdb").touch()
    return settings


@pytest.fixture
def home(settings: Settings) -> Path:
    home = settings.var / "bi"
    home.mkdir()
    return home


def test_there_must_be_a_published_night(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"marts\.duckdb: nothing is published yet; run a night first"):
        start.start(Settings(home=tmp_path))
    assert not (tmp_path / "var" / "bi").exists()


def test_there_is_one_at_a_time_and_its_port_is_free(settings: Settings, home: Path) -> None:
    with one_at_a_time(home, "mainstay bi", 0, print), pytest.raises(LockedError, match="mainstay bi, since"):
        start.start(settings, say=lambda _: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SettingsError, match=r"cannot be used .*; choose another with --port"):
            start.start(settings, port=taken.getsockname()[1], say=lambda _: None)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_superset_gets_a_key_and_none_of_mainstays_secrets(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAINSTAY_POSTGRES_URL", "SUPERSET_SECRET_KEY", "FLASK_DEBUG", "TALISMAN_ENABLED"):
        monkeypatch.setenv(name, "not-for-superset")
    env = start.environment(settings, home)
    assert "not-for-superset" not in env.values()
    assert len(env["MAINSTAY_BI_SECRET_KEY"]) >= 42
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600
    assert {"127.0.0.1", "localhost"} <= set(env["no_proxy"].split(","))
    assert start.environment(settings, home) == env, "the key seals sessions, so it is kept"


def test_it_is_prepared_once_with_a_password_that_is_kept_nowhere(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = settings.home / "shipped"
    (shipped / "assets").mkdir(parents=True)
    note = settings.home / "note"
    (shipped / "prepare.py").write_text(
        "import os, sys, pathlib\n"
        "assert not set(sys.argv) & set(os.environ.values())\n"
        f"pathlib.Path({str(note)!r}).open('a').write(os.environ.get('MAINSTAY_BI_PASSWORD', 'none') + ' ')"
    )
    monkeypatch.setattr(start, "SUPERSET", shipped)
    env = {"MAINSTAY_BI_SERVING": str(settings.serving), "PATH": os.environ["PATH"]}

    def prepared(*, anew: bool = False) -> str | None:
        return start._prepare(Path(sys.executable), home, env, home / "log", anew, lambda _: None)

    first = prepared()
    assert first is not None
    assert prepared() is None
    (shipped / "assets" / "new.yaml").touch()
    assert prepared() is None, "other dashboards are imported, and the password stays"
    second = prepared(anew=True)
    assert second not in (None, first)
    assert note.read_text().split() == [first, "none", second]
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert first.encode() not in kept
    (shipped / "prepare.py").write_text("raise SystemExit(2)")
    with pytest.raises(MainstayError, match=r"could not be prepared; its log is .*log"):
        prepared()


def test_an_installation_that_fails_names_its_log_and_is_begun_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(command: list[str], _output: object) -> bool:
        asked.append(Path(command[0]).name if command[0] != sys.executable else command[2])
        return "venv" in command

    monkeypatch.setattr(install, "_run", run)
    venv, log = settings.home / "venv", settings.home / "install.log"
    (venv / "half").mkdir(parents=True)
    with pytest.raises(MainstayError, match=r"could not be installed; .* is in .*install\.log"):
        install.ensure_installed(venv, log, lambda _: None)
    assert asked == ["venv", "uv", "pip"], "pip where uv cannot"
    assert not (venv / "half").exists()
    assert not (venv / "installed").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "MAINSTAY_BI_SECRET_KEY, MAINSTAY_BI_HOME, MAINSTAY_BI_SERVING must be set"),
        ({"MAINSTAY_BI_SECRET_KEY": ""}, "MAINSTAY_BI_SECRET_KEY"),
        ({"KEY": "", "SERVING": "nowhere"}, "nowhere/marts.duckdb is not there: nothing is published yet"),
        ({"KEY": "", "SERVING": "served", "PASSWORD": "short"}, "shorter than 8 characters"),
    ],
)
def test_the_container_refuses_to_start_without_what_it_needs(
    given: dict[str, str], says: str, settings: Settings
) -> None:
    env = {"PATH": os.environ["PATH"]}
    if "KEY" in given:
        serving = settings.serving if given["SERVING"] == "served" else Path("nowhere")
        env |= {"MAINSTAY_BI_SECRET_KEY": "k" * 42, "MAINSTAY_BI_HOME": str(settings.home)}
        env |= {"MAINSTAY_BI_SERVING": str(serving), "MAINSTAY_BI_PASSWORD": given.get("PASSWORD", "")}
    done = subprocess.run(
        [sys.executable, str(PREPARE)], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
