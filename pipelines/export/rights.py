"""Who may write the schema, and who may read it: members of one role, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from pipelines.errors import ExportError, SettingsError
from pipelines.export.server import place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.export.server import Connection
    from pipelines.export.state import Standing
    from pipelines.settings import Settings


def require_rights(connection: Connection, settings: Settings, standing: Standing) -> None:
    """See before anything is built that this account may do it.

    Raises:
        SettingsError: the role of the readers is the account that exports, which may write.
        ExportError: the account may not make or change the schema, or the readers' role.
    """
    schema, reader = settings.postgres_schema, settings.postgres_reader
    row = connection.execute(
        "SELECT current_user, rolsuper OR rolcreaterole, has_database_privilege(current_database(), 'CREATE'), "
        "(SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %s), "
        "EXISTS (SELECT FROM pg_roles WHERE rolname = %s) FROM pg_roles WHERE rolname = current_user",
        [schema, reader],
    ).fetchone()
    assert row is not None  # noqa: S101 - whoever is connected is a role
    account, makes_roles, makes_schemas, owns, has_reader = row
    where = f"PostgreSQL {place(settings)}: the account {account}"
    if account == reader:
        raise SettingsError(
            f"{where} exports, and postgres_reader names it as the role that may only read; name another one"
        )
    if not has_reader and not makes_roles:
        raise ExportError(
            f"{where} may not make the role {reader}; have an administrator run `CREATE ROLE {reader} NOLOGIN`"
        )
    if standing.exists and not owns:
        raise ExportError(
            f"{where} does not own the schema {schema}; have an administrator run `ALTER SCHEMA {schema} OWNER TO {account}`"
        )
    if not standing.exists and not makes_schemas:
        raise ExportError(
            f"{where} may not make the schema {schema}; have an administrator run "
            f"`CREATE SCHEMA {schema} AUTHORIZATION {account}`"
        )


def make_schema(connection: Connection, settings: Settings, standing: Standing) -> None:
    """Make the schema and the readers' role where they are not there yet."""
    if not standing.exists:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(settings.postgres_schema)))
    reader = settings.postgres_reader
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [reader]).fetchone() is None:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(reader)))
        except (errors.DuplicateObject, errors.UniqueViolation):  # another export of this server was quicker
            pass


def open_to_readers(connection: Connection, settings: Settings, tables: Iterable[str]) -> None:
    """Let the readers' role read the tables, and nobody by default."""
    schema, reader = sql.Identifier(settings.postgres_schema), sql.Identifier(settings.postgres_reader)
    names = sql.SQL(", ").join(sql.Identifier(settings.postgres_schema, table) for table in tables)
    for statement in (
        sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(schema),
        sql.SQL("REVOKE ALL ON {} FROM PUBLIC").format(names),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, reader),
        sql.SQL("GRANT SELECT ON {} TO {}").format(names, reader),
    ):
        connection.execute(statement)
