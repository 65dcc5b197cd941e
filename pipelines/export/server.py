"""The connection to PostgreSQL, and its errors as sentences; the password is in none of them."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from pipelines.errors import ExportError, LockedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

Connection = psycopg.Connection[TupleRow]

CONNECT_SECONDS = 10
_TRANSACTION = """
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
    SET LOCAL search_path = '';
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL client_encoding = 'UTF8';
    SET LOCAL statement_timeout = 0;
    SET LOCAL tcp_keepalives_idle = 60;
    SET LOCAL tcp_keepalives_interval = 10;
    SET LOCAL tcp_keepalives_count = 6
"""
"""Whatever role, database and environment set: every name is written in full, timestamps are UTC, and the server gives up a
machine that is gone, with all that it held, within two minutes. All of it ends with the transaction, as a pooler may give the
session to others."""


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """One transaction in the deployment's PostgreSQL, kept if the block ends well; what fails within is told as a sentence.

    Raises:
        SettingsError: no address is set, or what is set cannot be read as one.
        LockedError: another export writes to the schema.
        ExportError: PostgreSQL cannot be reached, or refuses.
    """
    parameters = _parameters(settings)
    try:
        with psycopg.connect(**parameters) as connection:
            connection.execute(_TRANSACTION)
            yield connection
    except psycopg.Error as error:
        raise _told(settings, parameters, error) from error


def _parameters(settings: Settings) -> dict[str, Any]:
    if settings.postgres_url is None:
        raise SettingsError(
            "MAINSTAY_POSTGRES_URL is not set; set it in the environment to postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    found: dict[str, Any] = {}
    with suppress(psycopg.Error):
        # What libpq says of it would quote the part that it stumbled over, which may be the password's.
        found = conninfo_to_dict(settings.postgres_url.get_secret_value())
    # A password with a / or @ that is not written as %2F or %40 lies partly where port or database should.
    parts = [str(found.get(name, "")) for name in ("host", "port", "dbname")]
    if not found or "@" in "".join(parts) or not re.fullmatch(r"[0-9,]*", parts[1]):
        raise SettingsError(
            "MAINSTAY_POSTGRES_URL cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE; signs such as "
            "@ : / ? # % and spaces in a name or password are written as %40 %3A %2F %3F %23 %25 %20"
        )
    return {"connect_timeout": CONNECT_SECONDS, "application_name": "mainstay export"} | found


def place(settings: Settings) -> str:
    """The server and database by name, as messages call them."""
    found = _parameters(settings)
    return f"{found.get('host', 'localhost')}:{found.get('port', 5432)}/{found.get('dbname', found.get('user', ''))}"


def _told(
    settings: Settings, parameters: dict[str, Any], error: psycopg.Error
) -> ExportError | LockedError | SettingsError:
    """One sentence: where, what, and the way out."""
    where = f"PostgreSQL {place(settings)}"
    said = error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
    if password := parameters.get("password"):
        said = said.replace(str(password), "…")
    schema = settings.postgres_schema
    if isinstance(error, errors.InsufficientPrivilege):
        return ExportError(
            f"{where}: {said}; the account needs to own the schema {schema}, or to create it (GRANT CREATE ON DATABASE)"
        )
    if isinstance(error, errors.DependentObjectsStillExist):
        detail = "; ".join((error.diag.message_detail or "").splitlines())
        return ExportError(
            f"{where}: {said} ({detail}); the old marts stay. Drop what depends on them, or make it a plain view, which is "
            "carried over, and export again"
        )
    if isinstance(error, errors.InvalidPassword | errors.InvalidAuthorizationSpecification) or (
        error.diag.sqlstate is None and "authentication failed" in said
    ):
        return ExportError(f"{where}: {said}; mend user or password in MAINSTAY_POSTGRES_URL")
    if isinstance(error, psycopg.OperationalError) and error.diag.sqlstate is None:
        return ExportError(
            f"{where} cannot be reached, or broke off: {said}; see that it runs and that host, port and database in "
            "MAINSTAY_POSTGRES_URL are right"
        )
    return ExportError(f"{where}: {said}; the night before stays there")
