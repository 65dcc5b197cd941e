"""The export: one transaction, so that readers of the schema see the old night until they see the new one, whole.

Tables are built under names that nobody sees, filled, counted, and given their keys; then they take the old ones' names. A
process or connection that ends before the commit leaves nothing behind: PostgreSQL takes it all back.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql

from pipelines.errors import ExportError, LockedError
from pipelines.export.copying import create, fill
from pipelines.export.night import served_night
from pipelines.export.rights import make_schema, open_to_readers, require_rights
from pipelines.export.server import connected, place
from pipelines.export.state import look
from pipelines.export.swap import keep_readers_out, swap
from pipelines.publish.files import crash_point

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.export.night import Night
    from pipelines.export.server import Connection
    from pipelines.export.state import Standing
    from pipelines.settings import Settings


@dataclass(frozen=True)
class Exported:
    """The night that PostgreSQL has now, or would have after a dry run."""

    version: str
    database: str
    schema: str
    reader: str
    tables: int
    rows: int
    views_carried_over: int
    unchanged: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """As the ledger and the command line show it."""
        return asdict(self)


def export_postgres(
    settings: Settings,
    say: Callable[[str], None],
    *,
    only_if_needed: bool = False,
    dry_run: bool = False,
) -> Exported:
    """Put the served night in the schema's place, or leave everything as it is.

    Args:
        settings: Where the night is served, where PostgreSQL is, and who may read there.
        say: Hears what is going on.
        only_if_needed: Leave the schema alone if it has just this night.
        dry_run: Look whether it could be done, and change nothing.

    Raises:
        SettingsError: the address is missing or wrong.
        LockedError: another export has written to the schema for `lock_timeout_seconds`.
        ExportError: it could not be done; the night before stands.
    """
    began = time.monotonic()
    with connected(settings) as connection:
        if not dry_run:
            _one_at_a_time(connection, settings, say)
        # Opened under the lock: whoever exports last exports what is served then.
        with served_night(settings) as night:
            standing = look(connection, settings)
            require_rights(connection, settings, standing)
            is_there = standing.description == night.description and standing.tables >= {
                t.name for t in night.tables
            }
            if taken := sorted(standing.others & {table.name for table in night.tables}):
                raise ExportError(
                    f"PostgreSQL {place(settings)}: {settings.postgres_schema}.{', '.join(taken)} is there and not "
                    "Mainstay's; move it to another schema, and export again"
                )
            unchanged = is_there and only_if_needed
            if not dry_run and not unchanged:
                _replace(connection, settings, night, standing, say)
        result = Exported(
            version=night.version,
            database=place(settings),
            schema=settings.postgres_schema,
            reader=settings.postgres_reader,
            tables=len(night.tables),
            rows=night.row_count,
            views_carried_over=len(standing.views),
            unchanged=unchanged,
            seconds=0.0,
        )
    # The commit is part of it.
    return Exported(**asdict(result) | {"seconds": round(time.monotonic() - began, 2)})


def _one_at_a_time(connection: Connection, settings: Settings, say: Callable[[str], None]) -> None:
    """Keep other exports to the schema out, of other deployments too, until the transaction ends."""
    name = [f"mainstay export to {settings.postgres_schema}"]
    row = connection.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", name).fetchone()
    if row == (True,):
        return
    say("waiting for another export to the same schema")
    try:
        connection.execute(f"SET LOCAL lock_timeout = '{max(settings.lock_timeout_seconds, 0.001):.3f}s'")
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", name)
        connection.execute("SET LOCAL lock_timeout = 0")
    except errors.LockNotAvailable as error:
        raise LockedError(
            f"PostgreSQL {place(settings)}: another export writes to the schema {settings.postgres_schema}; waited "
            f"{settings.lock_timeout_seconds:g} s (MAINSTAY_LOCK_TIMEOUT_SECONDS). Run it again when that has ended"
        ) from error


def _replace(
    connection: Connection, settings: Settings, night: Night, standing: Standing, say: Callable[[str], None]
) -> None:
    schema = settings.postgres_schema
    make_schema(connection, settings, standing)
    crash_point("export begun")
    built: dict[str, str] = {}
    for number, table in enumerate(night.tables):
        say(f"{table.name}, {table.row_count:,} rows")
        built[table.name] = beside = f"__new_{number}"
        create(connection, schema, beside, table)
        fill(connection, schema, beside, table, night)
        crash_point(f"exported {table.name}")
    keep_readers_out(connection, settings, standing, say)
    swap(connection, settings, standing, built)
    open_to_readers(connection, settings, built)
    connection.execute(
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), night.description)
    )
    crash_point("swapped in postgres")
