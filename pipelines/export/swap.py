"""The moment in which the new night takes the old one's place, and the rights to read it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from pipelines.errors import ExportError
from pipelines.export.night import NAME_BYTES
from pipelines.export.server import place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.export.server import Connection
    from pipelines.export.state import Standing, View
    from pipelines.settings import Settings

_TRY_MILLISECONDS = 500
"""How long readers may be kept waiting at a time: less than the second after which PostgreSQL looks who waits for whom in a
circle, and might end the reader."""
_PAUSE_SECONDS = 0.5


def keep_readers_out(
    connection: Connection, settings: Settings, standing: Standing, say: Callable[[str], None]
) -> None:
    """Wait until no transaction that has read a mart is still open, and let none begin to read before ours ends.

    So each transaction sees one night: the old one if it began to read before, else the new one.

    Raises:
        ExportError: somebody has kept the old night open for `lock_timeout_seconds`.
    """
    schema = settings.postgres_schema
    names = [sql.Identifier(schema, name) for name in sorted(standing.tables)]
    names += [view.identifier for view in standing.views]
    if not names:
        return
    lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(names))
    deadline = time.monotonic() + settings.lock_timeout_seconds
    while True:
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL statement_timeout = {_TRY_MILLISECONDS}")
                connection.execute(lock)
                connection.execute("SET LOCAL statement_timeout = 0")
        except errors.InsufficientPrivilege as error:
            raise _not_ours(settings, standing.views, error) from error
        except (errors.QueryCanceled, errors.DeadlockDetected) as error:
            if time.monotonic() >= deadline:
                raise ExportError(
                    f"PostgreSQL {place(settings)}: marts of the old night are still being read after "
                    f"{settings.lock_timeout_seconds:g} s (MAINSTAY_LOCK_TIMEOUT_SECONDS), by "
                    f"{_readers(connection, standing, schema)}; it stays. Let "
                    "those transactions end, or end them with pg_terminate_backend(pid), and export again"
                ) from error
            say(f"waiting for readers of the old night: {_readers(connection, standing, schema)}")
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _readers(connection: Connection, standing: Standing, schema: str) -> str:
    rows = connection.execute(
        "SELECT DISTINCT l.pid, coalesce(a.usename, '?'), coalesce(a.application_name, ''), coalesce(a.state, '') "
        "FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.granted AND l.pid <> pg_backend_pid() AND n.nspname = %s AND c.relname = ANY(%s) ORDER BY 1",
        [schema, sorted(standing.tables)],
    ).fetchall()
    told = [f"pid {pid} ({', '.join(filter(None, parts))})" for pid, *parts in rows]
    return ", ".join(told) or "somebody who has just ended"


def swap(connection: Connection, settings: Settings, standing: Standing, built: Mapping[str, str]) -> None:
    """Give the built tables the place of the old ones; views go over to them, and the old ones are gone.

    Args:
        connection: In the transaction in which readers are kept out.
        settings: For the schema.
        standing: What is replaced.
        built: The new tables' names so far, by the final ones.

    Raises:
        ExportError: a view does not fit the new tables, or is not ours to change.
    """
    schema = settings.postgres_schema

    def alter(table: str, change: str, *names: str) -> None:
        what = sql.SQL(change).format(*map(sql.Identifier, names))
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(schema, table), what))

    aside = {name: f"__old_{number}" for number, name in enumerate(sorted(standing.tables))}
    for name, old in aside.items():
        alter(name, "RENAME TO {}", old)
    for name, beside in built.items():
        alter(beside, "RENAME TO {}", name)
    for view in standing.views:
        _carry_over(connection, settings, view)
    if aside:
        gone = sql.SQL(", ").join(sql.Identifier(schema, old) for old in aside.values())
        connection.execute(sql.SQL("DROP TABLE {}").format(gone))
    keys = connection.execute(
        "SELECT t.relname, k.conname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid "
        "JOIN pg_namespace n ON n.oid = t.relnamespace WHERE k.contype = 'p' AND n.nspname = %s AND t.relname = ANY(%s)",
        [schema, list(built)],
    ).fetchall()
    for table, key in keys:
        alter(table, "RENAME CONSTRAINT {} TO {}", key, f"{table[: NAME_BYTES - 5]}_pkey")


def _carry_over(connection: Connection, settings: Settings, view: View) -> None:
    """Let a view read the new tables; its owner, its readers and what rests on it stay as they are."""
    options = sql.SQL(f" WITH ({', '.join(view.options)})" if view.options else "")
    try:
        connection.execute(
            sql.SQL("CREATE OR REPLACE VIEW {}{} AS {}").format(
                view.identifier, options, sql.SQL(view.definition)
            )
        )
    except psycopg.ProgrammingError as error:
        raise _not_ours(settings, [view], error) from error


def _not_ours(settings: Settings, views: Sequence[View], error: psycopg.Error) -> ExportError:
    names = ", ".join(f"{view.schema}.{view.name}" for view in views)
    return ExportError(
        f"PostgreSQL {place(settings)}: the view {names} cannot be carried over to the new night: "
        f"{error.diag.message_primary}; the night before stays there. Mend or drop the view, or make the account that "
        "exports a member of the role that owns it, with USAGE and CREATE on its schema"
    )
