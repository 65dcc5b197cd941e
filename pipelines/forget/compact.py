"""Write the warehouse anew: DuckDB frees the blocks of rows that go, and their bytes stay in the file until it needs the place.

`COPY FROM DATABASE` takes everything over, tables with their constraints, views, sequences and macros. Views name the database
that they are in, so the new file has the warehouse's name while it is written.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import WarehouseDamagedError
from pipelines.publish.files import crash_point, sidecars
from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import attach_warehouse, connect
from pipelines.warehouse.durable import fsync

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

_CATALOG = (
    "SELECT 'table', schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = {db} "
    "UNION ALL SELECT 'view', schema_name, view_name, sql FROM duckdb_views() "
    "WHERE database_name = {db} AND NOT internal "
    "UNION ALL SELECT 'index', schema_name, index_name, sql FROM duckdb_indexes() WHERE database_name = {db} "
    "UNION ALL SELECT 'sequence', schema_name, sequence_name, sql FROM duckdb_sequences() WHERE database_name = {db}"
)


def compact(settings: Settings) -> int:
    """Put a file without free blocks in the warehouse's place; says how many bytes were saved.

    The caller holds the warehouse's lock and has no connection open. Killed in between, the old file stands.

    Raises:
        WarehouseDamagedError: the copy has not everything that the warehouse has; the warehouse stays as it is.
    """
    warehouse, scratch = settings.warehouse, _scratch(settings)
    before = warehouse.stat().st_size
    clear_scratch(settings)
    try:
        with closing(connect(settings)) as connection:
            connection.execute("CHECKPOINT")  # so that nothing of it is in its log
        with closing(connect(settings, Path(":memory:"))) as connection:
            connection.execute(f"SET temp_directory = {literal(str(scratch) + '.spill')}")
            attach_warehouse(settings, connection, "the old")
            connection.execute(f"ATTACH {literal(str(scratch))} AS {ident(warehouse.stem)}")
            connection.execute(f'COPY FROM DATABASE "the old" TO {ident(warehouse.stem)}')
            _require_whole(connection, settings)
            connection.execute(f"DETACH {ident(warehouse.stem)}")  # which writes its log into it
        scratch.chmod(warehouse.stat().st_mode & 0o777)
        fsync(scratch)
        crash_point("compacted")
        scratch.replace(warehouse)
        for log in sidecars(warehouse):  # of the old file: the new one must not replay it
            log.unlink()
        fsync(warehouse.parent)
    finally:
        clear_scratch(settings)
    return before - warehouse.stat().st_size


def _scratch(settings: Settings) -> Path:
    return settings.warehouse.with_name(f"{settings.warehouse.name}.compact")


def clear_scratch(settings: Settings) -> None:
    """Remove what a killed compaction left."""
    scratch = _scratch(settings)
    for path in (scratch, *sidecars(scratch), *scratch.parent.glob(f"{scratch.name}.spill*")):
        if path.is_dir():
            for inner in path.iterdir():
                inner.unlink()
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _require_whole(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The same tables, constraints, views and rows are in both."""
    old, new = "the old", settings.warehouse.stem
    catalogs = [set(connection.execute(_CATALOG.format(db=literal(name))).fetchall()) for name in (old, new)]
    missing = [entry[1:3] for entry in sorted(catalogs[0] ^ catalogs[1], key=repr)]
    tables = [entry[1:3] for entry in catalogs[0] if entry[0] == "table"]
    for schema, table in tables:
        counts = connection.execute(
            f"SELECT (SELECT count(*) FROM {ident(old)}.{ident(schema)}.{ident(table)}), "
            f"(SELECT count(*) FROM {ident(new)}.{ident(schema)}.{ident(table)})"
        ).fetchall()[0]
        if counts[0] != counts[1]:
            missing.append((schema, table))
    if missing:
        names = ", ".join(".".join(name) for name in missing[:5])
        raise WarehouseDamagedError(
            f"{settings.warehouse} cannot be written anew: {names} would be another; the warehouse stays as it is"
        )
