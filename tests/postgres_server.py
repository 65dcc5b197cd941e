"""A real PostgreSQL of a test session's own, on a free port, with its files in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

NOBODY = 65534
"""PostgreSQL does not run as root."""
PASSWORD = "s3cr/et@#%: 钥匙"
"""What has to be written otherwise in an address, and must be in no message in either form."""


def binaries() -> Path | None:
    """Folder of PostgreSQL's programs, the newest that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass(frozen=True)
class Server:
    """A running server, and accounts of it."""

    port: int

    def url(self, user: str = "mainstay", password: str = PASSWORD, database: str = "bi") -> str:
        """Address of a database, as MAINSTAY_POSTGRES_URL has it."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def connect(self, user: str = "admin", database: str = "bi") -> psycopg.Connection[Any]:
        """A connection that commits by itself."""
        return psycopg.connect(self.url(user, database=database), autocommit=True)

    def rows(self, sql: Any, user: str = "admin", database: str = "bi") -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.connect(user, database) as connection:
            return connection.execute(sql).fetchall()

    def run(self, *statements: str, user: str = "admin", database: str = "bi") -> None:
        """Run statements one by one."""
        with self.connect(user, database) as connection:
            for statement in statements:
                connection.execute(statement)

    def empty(self) -> None:
        """A database `bi` with nothing in it; `mainstay` owns it and makes roles, `analyst` just logs in."""
        self.run("DROP DATABASE IF EXISTS bi WITH (FORCE)", database="postgres")
        known = {name for (name,) in self.rows("SELECT rolname FROM pg_roles", database="postgres")}
        for role in {"mainstay", "analyst", "mainstay_reader", "tableau"} & known:
            self.run(f"DROP ROLE {role}", database="postgres")
        secret = PASSWORD.replace("'", "''")
        self.run(
            f"CREATE ROLE mainstay LOGIN CREATEROLE PASSWORD '{secret}'",
            f"CREATE ROLE analyst LOGIN PASSWORD '{secret}'",
            "CREATE DATABASE bi OWNER mainstay",
            database="postgres",
        )


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time of a block; `admin` may do everything."""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="mainstay-postgres-"))
    as_owner: dict[str, Any] = {}
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        as_owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    data = folder / "data"
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(programs / program), "-D", str(data), *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
            **as_owner,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}"

    secret.chmod(0o644)
    run(
        "initdb",
        "-U",
        "admin",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=32MB"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield Server(port)
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One for all tests of the process that import this fixture."""
    if binaries() is None:
        says = "PostgreSQL's server is not installed (Debian: postgresql-15)"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    with running() as found:
        yield found
