"""What stands in the schema: whose it is, which night it has, and who uses its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from pipelines.contracts.info_table import INFO_TABLE
from pipelines.errors import ExportError
from pipelines.export.night import MARK
from pipelines.export.server import connected, place

if TYPE_CHECKING:
    from pipelines.export.server import Connection
    from pipelines.settings import Settings


@dataclass(frozen=True)
class View:
    """A plain view, in whoever's schema, that reads tables of ours."""

    schema: str
    name: str
    definition: str
    """With names in full, so that it means the new table once that has the old one's name."""
    options: tuple[str, ...]

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, quoted."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Standing:
    """What the schema holds now."""

    exists: bool
    description: str | None
    """The schema's comment: the night that it has, as `Night.description` says it."""
    tables: frozenset[str]
    """Tables of the night that stands there; others in the schema are not ours."""
    others: frozenset[str]
    views: tuple[View, ...]


def look(connection: Connection, settings: Settings) -> Standing:
    """What stands in the schema, fit to be replaced.

    Raises:
        ExportError: the schema is somebody else's, or somebody's objects rest on our tables that cannot be carried over.
    """
    schema = settings.postgres_schema
    found = connection.execute(
        "SELECT oid, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [schema]
    ).fetchone()
    if found is None:
        return Standing(False, None, frozenset(), frozenset(), ())
    oid, description = found
    names = {
        row[0]
        for row in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s AND relkind <> 'i'", [oid]
        )
    }
    if not (description or "").startswith(MARK):
        if description or names:
            raise ExportError(
                f"PostgreSQL {place(settings)}: the schema {schema} is there and not Mainstay's: nothing in it is touched. "
                "Name another one in postgres_schema"
            )
        return Standing(True, None, frozenset(), frozenset(), ())
    ours: set[str] = set()
    if INFO_TABLE in names:
        rows = connection.execute(
            sql.SQL("SELECT table_name FROM {}").format(sql.Identifier(schema, INFO_TABLE))
        )
        ours = {INFO_TABLE, *(row[0] for row in rows)} & names
    return Standing(
        True,
        description,
        frozenset(ours),
        frozenset(names - ours),
        _views(connection, settings, oid, sorted(ours)),
    )


def _views(connection: Connection, settings: Settings, schema: int, tables: list[str]) -> tuple[View, ...]:
    """The views on our tables, each once; what else rests on them is refused before anything is built."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT n.nspname AS schema, v.relname AS name, v.relkind AS kind, v.reloptions AS options, "
            "pg_get_viewdef(v.oid) AS definition "
            "FROM pg_class t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid "
            "JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid "
            "JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace "
            "WHERE t.relnamespace = %s AND t.relname = ANY(%s) AND v.oid <> t.oid ORDER BY 1, 2",
            [schema, tables],
        ).fetchall()
    if stored := [f"{row['schema']}.{row['name']}" for row in rows if row["kind"] != "v"]:
        raise ExportError(
            f"PostgreSQL {place(settings)}: {', '.join(stored)} rest on the marts and cannot be carried over to a new night, "
            "as they keep rows of the old one; make them plain views, or drop them before a night and make them again after"
        )
    return tuple(
        View(row["schema"], row["name"], row["definition"], tuple(row["options"] or ())) for row in rows
    )


def state_of_postgres(settings: Settings) -> dict[str, Any]:
    """What `doctor` says of PostgreSQL: server, and the night that stands there.

    Raises:
        SettingsError, ExportError: it cannot be reached, or the schema is not ours.
    """
    with connected(settings) as connection:
        standing = look(connection, settings)
        version = None
        if INFO_TABLE in standing.tables:
            table = sql.Identifier(settings.postgres_schema, INFO_TABLE)
            row = connection.execute(sql.SQL("SELECT max(version) FROM {}").format(table)).fetchone()
            version = row[0] if row else None
        return {
            "place": place(settings),
            "server": connection.info.parameter_status("server_version"),
            "version": version,
        }
