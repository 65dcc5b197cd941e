"""Airflow's services on this machine, for `mainstay up`: API server, scheduler, DAG processor, triggerer.

For one machine and one person; `docker-compose.yml` is the way to run them for good.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from pipelines.errors import MainstayError
from pipelines.orchestrate.environment import (
    ADMIN,
    airflow_environment,
    airflow_home,
    ensure_password,
    log_dir,
    password_file,
)
from pipelines.orchestrate.guarded import (
    STOP_SECONDS,
    Service,
    reached_at,
    require_free,
    running,
    stop_asked,
    wait_ready,
)
from pipelines.orchestrate.runlock import holder_lives, one_at_a_time
from pipelines.settings import PROJECT_DIR, Settings

READY_SECONDS = 120.0
"""How long the services may take until the API server answers."""

_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")


def up(
    settings: Settings, host: str = "127.0.0.1", port: int = 8080, say: Callable[[str], None] = print
) -> None:
    """Run Airflow's services until Ctrl-C or SIGTERM, then end all of them; they end too when this process is killed.

    Args:
        settings: The deployment to run for.
        host: Address of the web UI; only this machine by default.
        port: Port of the web UI and of the API that the tasks call.
        say: Gets what the person should see: the address, the user, and once the generated password.

    Raises:
        LockedError: the services of this deployment run already: a second scheduler would run every task twice.
        SettingsError: the port is taken.
        MainstayError: a service ended by itself or did not become ready; the text names its log.
    """
    home = airflow_home(settings, "services")
    patience = 0 if holder_lives(home) else 2 * STOP_SECONDS  # what a killed `up` has left is ending
    with one_at_a_time(home, "mainstay up", patience, say) as lock:
        require_free(host, port)
        _serve(settings, host, port, say, lock)


def _serve(settings: Settings, host: str, port: int, say: Callable[[str], None], lock: int) -> None:
    url = f"http://{reached_at(host)}:{port}"
    env = airflow_environment(settings, "services", url)
    say("Preparing Airflow's metadata database …")
    _prepare(env)
    password = ensure_password(settings)
    logs = log_dir(settings) / "airflow"
    with stop_asked() as asked, ExitStack() as stack:
        services = [stack.enter_context(_running(name, host, port, env, logs, lock)) for name in _SERVICES]
        say(f"Starting {', '.join(_SERVICES)}; their logs are in {logs}")
        wait_ready("Airflow", services, f"{url}/api/v2/monitor/health", READY_SECONDS, asked)
        if not asked():
            say(f"Airflow is ready: {url} (user {ADMIN})")
            if password is None:
                say(f"The password was printed when it was made; it is in {password_file(settings)}")
            else:
                say(f"Password, printed this once: {password}")
            say("New DAGs are paused: switch mainstay_nightly on in the web UI. Ctrl-C ends everything.")
        while not asked():
            for service in services:
                service.require_alive()
            time.sleep(0.5)
        say("Ending the services …")


def airflow_cli(settings: Settings, args: list[str], port: int = 8080) -> int:
    """Run Airflow's own command line on the deployment of `up`, say `backfill create …`; returns its code."""
    env = airflow_environment(settings, "services", f"http://127.0.0.1:{port}")
    _prepare(env)
    return subprocess.call([sys.executable, "-m", "airflow", *args], env=env, cwd=PROJECT_DIR)


def _prepare(env: dict[str, str]) -> None:
    code = "from pipelines.orchestrate.environment import prepare_metadata; prepare_metadata()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MainstayError(f"Airflow's metadata database could not be prepared:\n{done.stdout}{done.stderr}")


def _running(
    name: str, host: str, port: int, env: dict[str, str], logs: Path, lock: int
) -> AbstractContextManager[Service]:
    args = {
        "api-server": ["--host", host, "--port", str(port), "--workers", "1"],
        # Their log servers would listen on every address; here the API server reads the files itself.
        "scheduler": ["--skip-serve-logs"],
        "triggerer": ["--skip-serve-logs"],
    }.get(name, [])
    command = [sys.executable, "-m", "airflow", name, *args]
    return running(f"Airflow's {name}", command, env, PROJECT_DIR, logs / f"{name}.log", lock)
