"""Which file a new connection opens: the served night's own one, not the name that all nights share.

DuckDB shares an open database among the connections of a process, by its path. Superset's overlap, so while one is open,
each further one to `marts.duckdb` would get the night of the first, for days on end where charts are looked at all the
time. Under a path of its own each night is a database of its own. Imports nothing of Mainstay's or Superset's.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SERVED = "marts.duckdb"

PATIENCE_SECONDS = 1.0
"""How long a night that has just gone live may take to be filed among the versions."""

LOCKED_IN = {
    # Nothing but the marts: no other file of the machine, no network, and no way to switch that off.
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""DuckDB's settings of each connection: a person with SQL Lab reads the published tables and nothing else."""


def open_live_version(
    url: URL, params: dict[str, Any], _user: str | None, _security: object, _source: object
) -> tuple[URL, dict[str, Any]]:
    """Superset's `DB_CONNECTION_MUTATOR`: lead a connection to `marts.duckdb` to the version that it is now."""
    if url.get_backend_name() != "duckdb" or not url.database:
        return url, params
    arguments = dict(params.get("connect_args") or {})
    arguments["config"] = {**arguments.get("config", {}), **LOCKED_IN}
    served = Path(url.database)
    if served.name == SERVED:
        url = url.set(database=str(live_version(served)))
    return url, {**params, "connect_args": arguments}


def live_version(served: Path) -> Path:
    """The file among the versions that is served now.

    The served file itself where there is none to be found, as beside a copy: then a new night is seen once all
    connections to the old one are closed.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = _same_file(served) or _of_the_name(served)
        if found is not None and not found.parent.name.startswith(".building-"):
            return found
        if time.monotonic() >= deadline or not (served.parent / "versions").is_dir():
            # One in a hidden folder was live when its publisher was killed; it stays there until the next night.
            return found or served
        time.sleep(0.02)


def _candidates(serving: Path) -> list[Path]:
    return [*serving.glob(f"versions/*/{SERVED}"), *serving.glob(f".building-*/{SERVED}")]


def _same_file(served: Path) -> Path | None:
    """The version that the served file is a hard link to."""
    try:
        now = served.stat()
        return next(
            (path for path in _candidates(served.parent) if _identity(path.stat()) == _identity(now)), None
        )
    except FileNotFoundError:  # moved or removed meanwhile
        return None


def _identity(stat: Any) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _of_the_name(served: Path) -> Path | None:
    """The version that the served file says it is: where a file system has no hard links, it is a copy."""
    import duckdb

    try:
        # Attached by a database in memory, which shares nothing: this is the file as it is now.
        with duckdb.connect() as session:
            quoted = str(served).replace("'", "''")
            session.execute(f"ATTACH '{quoted}' AS served (READ_ONLY)")
            row = session.execute("SELECT version FROM served.main._publish LIMIT 1").fetchone()
    except duckdb.Error:
        return None
    if row is None:
        return None
    serving = served.parent
    places = (serving / "versions" / row[0] / SERVED, serving / f".building-{row[0]}" / SERVED)
    return next((path for path in places if path.is_file()), None)
