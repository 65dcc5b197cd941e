"""A Superset on this machine that shows the dashboards of the served night, for `mainstay bi`.

For one machine and a few people; `docker-compose.yml` is the way to run it for good. Its state is `var/bi`: the environment
that it is installed in, its own database, and the key that seals its sessions. The password is kept there as Superset's
hash alone.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from pipelines.bi.described import SUPERSET
from pipelines.bi.install import LOCK, ensure_installed
from pipelines.errors import MainstayError, PublishError
from pipelines.orchestrate.environment import log_dir, write_private
from pipelines.orchestrate.guarded import is_free, require_free, running, stop_asked, wait_ready
from pipelines.orchestrate.runlock import one_at_a_time
from pipelines.paths import plain
from pipelines.surroundings import past_proxies, shielded
from pipelines.warehouse.rights import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.settings import Settings

USER = "admin"
PORT = 8088
"""Tried first, so that bookmarks last."""

READY_SECONDS = 180.0
"""How long Superset may take until it answers."""

_FOREIGN = ("SUPERSET_", "FLASK_", "GUNICORN_", "TALISMAN_", "MAINSTAY_", "PYTHONPATH", "PYTHONHOME")
"""Beginnings of what the caller's environment may not tell Superset; Mainstay's own secrets are none of its business."""


def start(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    new_password: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Run Superset until Ctrl-C or SIGTERM; it ends too when this process is killed.

    Args:
        settings: The deployment whose served marts are shown.
        host: Address that it listens on; only this machine by default.
        port: Port that it listens on; by default 8088, or any free one where that is taken.
        new_password: Whether the user gets a new password, where the first is lost.
        say: Gets what the person should see: the address, the user, and once the password.

    Raises:
        PublishError: nothing is published yet.
        LockedError: the deployment's Superset runs already.
        SettingsError: the port is taken.
        MainstayError: Superset could not be installed, prepared or started; the text names the log.
    """
    if not (settings.serving / "marts.duckdb").is_file():
        raise PublishError(
            f"{settings.serving / 'marts.duckdb'}: nothing is published yet; run a night first"
        )
    home = private_folder(settings, settings.var / "bi")
    logs = private_folder(settings, log_dir(settings) / "bi")
    with one_at_a_time(home, "mainstay bi", 0, say) as lock:
        if port is not None:
            require_free(host, port)
        python = ensure_installed(home / "venv", logs / "install.log", say)
        env = environment(settings, home)
        password = _prepare(python, home, env, logs / "prepare.log", new_password, say)
        if password is not None:
            say(f"Password of {USER}, printed this once: {password}")
        _serve(python, host, port or _free_port(host), env, logs / "superset.log", lock, say)


def environment(settings: Settings, home: Path) -> dict[str, str]:
    """The environment of Superset's processes; makes its key the first time."""
    key = home / "secret_key"
    write_private(key, secrets.token_urlsafe(48))
    env = {name: value for name, value in shielded().items() if not name.startswith(_FOREIGN)}
    return env | {
        "MAINSTAY_BI_SECRET_KEY": key.read_text(encoding="utf-8"),
        "MAINSTAY_BI_HOME": str(plain(home)),
        "MAINSTAY_BI_SERVING": str(plain(settings.serving)),
        "SUPERSET_CONFIG_PATH": str(SUPERSET / "superset_config.py"),
        "SUPERSET_HOME": str(plain(home)),
        "PYTHONPATH": str(SUPERSET),
        "PYTHONDONTWRITEBYTECODE": "1",
        **past_proxies(),
    }


def _prepare(
    python: Path,
    home: Path,
    env: dict[str, str],
    log: Path,
    new_password: bool,
    say: Callable[[str], None],
) -> str | None:
    """Bring database, user and dashboards to what is shipped, unless they are; returns the password that was made."""
    mark, wanted = home / "prepared", _shipped(env["MAINSTAY_BI_SERVING"])
    is_first = not mark.is_file()
    if not is_first and not new_password and mark.read_text(encoding="utf-8") == wanted:
        return None
    say("Preparing Superset's database and importing the dashboards; this takes a minute …")
    password = secrets.token_urlsafe(12) if is_first or new_password else None
    with log.open("wb") as output:
        done = subprocess.run(
            [str(python), str(SUPERSET / "prepare.py")],
            env=env | ({"MAINSTAY_BI_PASSWORD": password} if password else {}),
            cwd=home,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise MainstayError(f"Superset could not be prepared; its log is {log}")
    mark.write_text(wanted, encoding="utf-8")
    return password


def _shipped(serving: str) -> str:
    """What the preparation rests on, in one hash."""
    told = hashlib.sha256(serving.encode())
    for path in (LOCK, SUPERSET / "prepare.py", *sorted((SUPERSET / "assets").rglob("*.yaml"))):
        told.update(f"{path.name} ".encode() + path.read_bytes())
    return told.hexdigest()


def _free_port(host: str) -> int:
    if is_free(host, PORT) is None:
        return PORT
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _serve(
    python: Path,
    host: str,
    port: int,
    env: dict[str, str],
    log: Path,
    lock: int,
    say: Callable[[str], None],
) -> None:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    settings_file = str(SUPERSET / "gunicorn.conf.py")
    command = [str(python), "-m", "gunicorn", "--config", settings_file, "--bind", where]
    with stop_asked() as asked, running("Superset", command, env, SUPERSET, log, lock) as service:
        wait_ready("Superset", [service], f"http://{where}/health", READY_SECONDS, asked)
        if not asked():
            say(f"The dashboards are ready: http://{where}/dashboard/list/ (user {USER})")
            say("Ctrl-C ends Superset. A lost password: start it with --new-password")
        while not asked():
            service.require_alive()
            time.sleep(0.5)
        say("Ending Superset …")
