"""The Airflow deployments that Mainstay keeps under `var/airflow`: their environment, secrets and metadata.

Two of them, each with a metadata database of its own: `inprocess` for `mainstay nightly` and `services` for
`mainstay up`. A shared one would let the scheduler pick up the in-process run's tasks and run them twice.

Airflow reads its configuration when it is first imported, so a deployment is always used from a process that
was started with `airflow_environment()`. Nothing here imports Airflow at the top.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipelines.errors import SettingsError
from pipelines.orchestrate.lineage import openlineage_environment
from pipelines.paths import plain
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.surroundings import past_proxies, shielded
from pipelines.warehouse.rights import private_folder

Deployment = Literal["inprocess", "services"]

DAGS_DIR = PROJECT_DIR / "dags"
AIRFLOW_CONFIG_DIR = Path(__file__).with_name("airflow_config")
ADMIN = "admin"


def airflow_home(settings: Settings, deployment: Deployment) -> Path:
    """AIRFLOW_HOME of one of the deployments."""
    return settings.var / "airflow" / deployment


def log_dir(settings: Settings) -> Path:
    """Folder of the runs' and services' log files."""
    return settings.var / "logs"


def password_file(settings: Settings) -> Path:
    """File that holds the web UI's generated password, readable by its owner alone."""
    return airflow_home(settings, "services") / "passwords.json"


def airflow_environment(settings: Settings, deployment: Deployment, url: str = "") -> dict[str, str]:
    """The environment of a process that uses one of the deployments.

    Args:
        settings: Passed on to the process as `MAINSTAY_…` variables, as far as they were set.
        deployment: Which of the two.
        url: Where this machine reaches the API server, for `services`.

    Creates the deployment's folders and, the first time, its secrets.
    """
    home = airflow_home(settings, deployment)
    private_folder(settings, home)
    logs = log_dir(settings) / "airflow" / deployment
    private_folder(settings, logs)
    keys = _secrets(home / "secrets.json")
    home, logs = plain(home), plain(logs)
    env = shielded() | _settings_environment(settings) | openlineage_environment(settings)
    env |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(plain(DAGS_DIR)),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plain(AIRFLOW_CONFIG_DIR / "plugins")),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / password_file(settings).name),
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        # SQLite has one writer: on a busy machine its default of 5 s ends in "database is locked".
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__PROVIDERS_MANAGER__CHECK_PROVIDERS_VERSIONS": "False",
        "SCARF_ANALYTICS": "false",
        # Tasks call the API server on this machine.
        **past_proxies(urlsplit(url).hostname or ""),
        # A disk that fills up leaves half a compiled module, which Python takes for a whole one ever after.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(PROJECT_DIR), str(AIRFLOW_CONFIG_DIR), os.environ.get("PYTHONPATH")])
        ),
        # Airflow's services start `airflow` and `python` by name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }
    if url:
        env |= {
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        }
    return env


def _settings_environment(settings: Settings) -> dict[str, str]:
    """The settings that were set, by whatever means, as environment variables."""
    env = {"MAINSTAY_HOME": str(settings.home.resolve())}
    for name in settings.model_fields_set - {"home"}:
        value = getattr(settings, name)
        if value is not None:
            env[f"MAINSTAY_{name.upper()}"] = _as_text(value)
    return env


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def write_private(path: Path, text: str) -> bool:
    """Write a file that only its owner may read, unless it is there already; says whether it was written.

    The file appears whole or not at all, also when two processes start at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


def _secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        keys = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "secret_key": secrets.token_urlsafe(48),
        }
        write_private(path, json.dumps(keys))
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return {name: kept[name] for name in ("fernet_key", "jwt_secret", "secret_key")}
    except (ValueError, KeyError) as error:
        raise SettingsError(
            f"{path} holds no usable secrets; delete it and airflow.db beside it, and both are made anew"
        ) from error


def ensure_password(settings: Settings) -> str | None:
    """Make the web UI's password the first time and return it; None where one was made before."""
    password = secrets.token_urlsafe(12)
    made = write_private(password_file(settings), json.dumps({ADMIN: password}) + "\n")
    return password if made else None


def prepare_metadata() -> bool:
    """Bring the metadata database of this process's Airflow to its version and create the pool.

    Only for a process started with `airflow_environment()`. Asking Airflow costs seconds, so a SQLite
    database that is at the installed version's head is recognised by hand. Returns whether a migration ran.
    """
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils import db

    from pipelines.orchestrate.tasks import POOL, POOL_DESCRIPTION

    head = db._REVISION_HEADS_MAP[max(db._REVISION_HEADS_MAP, key=_version_key)]
    migrated = False
    if _revision(conf.get("database", "sql_alchemy_conn")) != head:
        db.upgradedb()
        migrated = True
    Pool.create_or_update_pool(POOL, slots=1, description=POOL_DESCRIPTION, include_deferred=True)
    _let_go_of_old_assets()
    return migrated


def _let_go_of_old_assets() -> None:
    """Free our Asset's name where an earlier version gave it another URI: else Airflow would let no task update it.

    A scheduler does so by itself, some time after it has read the DAGs; an in-process run has none.
    """
    from airflow.models.asset import AssetActive
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    from pipelines.orchestrate.wiring import mainstay_marts

    with create_session() as session:
        old = (AssetActive.name == mainstay_marts.name) & (AssetActive.uri != mainstay_marts.uri)
        session.execute(delete(AssetActive).where(old))


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _revision(url: str) -> str | None:
    """Revision that a SQLite metadata database is at; None where there is none or it is no SQLite."""
    path = url.removeprefix("sqlite:///").partition("?")[0]
    if not url.startswith("sqlite:///") or not Path(path).exists():
        return None
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("select version_num from alembic_version").fetchone()
        except sqlite3.OperationalError:  # a first migration that was interrupted before this table
            return None
    return str(row[0]) if row else None
