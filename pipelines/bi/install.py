"""Superset's environment: made once from its own lock, and anew when the lock is another."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.bi.described import SUPERSET
from pipelines.errors import MainstayError
from pipelines.surroundings import shielded

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = SUPERSET / "requirements.lock"


def ensure_installed(venv: Path, log: Path, say: Callable[[str], None]) -> Path:
    """Superset's environment in a folder of its own; returns its Python.

    Args:
        venv: The environment's folder.
        log: Gets what the installers say.
        say: Hears that it takes a while.

    Raises:
        MainstayError: the lock could not be installed.
    """
    python, mark, wanted = venv / "bin" / "python", venv / "installed", _wanted()
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted and python.exists():
        return python
    say(f"Installing Superset into {venv}; this takes a minute or two, once …")
    shutil.rmtree(venv, ignore_errors=True)
    bin_ = Path(sys.executable).parent
    with log.open("wb") as output:
        made = _run([sys.executable, "-m", "venv", "--without-pip", str(venv)], output)
        # uv takes seconds; where it cannot reach its index, pip installs the same hashes.
        ways = (
            [str(bin_ / "uv"), "pip", "install", "--compile-bytecode", "--python", str(python)],
            [sys.executable, "-m", "pip", "--python", str(python), "install", "--disable-pip-version-check"],
        )
        if not made or not any(_run([*way, "--require-hashes", "-r", str(LOCK)], output) for way in ways):
            raise MainstayError(f"Superset could not be installed; what the installers said is in {log}")
    mark.write_text(wanted, encoding="utf-8")
    return python


def _wanted() -> str:
    return f"{sys.version_info[:2]} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def _run(command: list[str], output: object) -> bool:
    try:
        done = subprocess.run(command, env=shielded(), stdout=output, stderr=subprocess.STDOUT, check=False)  # type: ignore[call-overload]
    except FileNotFoundError:
        return False
    return bool(done.returncode == 0)
