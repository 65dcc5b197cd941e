"""The warehouse: whether it can be read to its end, and holds what the ledger and the landing folder say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from pipelines.cli.examine.finding import Finding
from pipelines.cli.runs import reuse_in_words
from pipelines.load import missing_partitions
from pipelines.quoting import ident
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.looking import briefly, looking
from pipelines.warehouse.reconcile import mismatches, told
from pipelines.warehouse.standing import held_datasets

if TYPE_CHECKING:
    from pipelines.settings import Settings

HELD_SECONDS = 1.0
"""How long the warehouse is held at a time while its tables are read; a table's reading is not cut short."""


@contextmanager
def _looking(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        database_errors(settings),
        looking(briefly(settings), "doctor", on_wait=lambda _: None) as connection,
    ):
        yield connection


def look_at_warehouse(settings: Settings) -> Finding:
    """Whether every value of the warehouse can be read."""
    if not settings.warehouse.exists():
        return Finding("warehouse", "ok", "not there yet; the first load makes it")
    with _looking(settings) as connection:
        tables = sorted(engine_of(settings).tables(connection))
    left = list(tables)
    while left:
        # Some at a time: a step that begins meanwhile waits for these, not for all.
        with _looking(settings) as connection:
            began = time.monotonic()
            while left and time.monotonic() - began < HELD_SECONDS:
                schema, table = left.pop()
                with suppress(duckdb.CatalogException):  # gone since
                    # Every value of every row: a count would be answered from the statistics, without reading a block.
                    connection.execute(
                        f"SELECT bit_xor(hash(t)) FROM {ident(schema)}.{ident(table)} AS t"
                    ).fetchall()
    return Finding(
        "warehouse", "ok", f"{len(tables)} tables, {settings.warehouse.stat().st_size / 1024**2:,.1f} MiB"
    )


def look_at_ledger(settings: Settings) -> Finding:
    """Whether the file ledger and `raw` agree: the loaded files have the rows that they were loaded with, no other."""
    if not settings.warehouse.exists():
        return Finding("ledger", "ok", "not looked at")
    with _looking(settings) as connection:
        found, rows = mismatches(connection, settings)
    if found:
        return Finding("ledger", "error", told(found))
    return Finding("ledger", "ok", f"{rows:,} rows in raw, each of a file that the ledger knows")


def look_at_keys(settings: Settings) -> Finding:
    """Whether keys came again for something else: each such row has taken an earlier one's place."""
    if not settings.warehouse.exists():
        return Finding("keys", "ok", "not looked at")
    with _looking(settings) as connection:
        found = [
            reuse_in_words(row["dataset"], row["reused"])
            for row in held_datasets(settings, connection)
            if row["reused"]
        ]
    if found:
        return Finding("keys", "warning", "; ".join(found))
    return Finding("keys", "ok", "no key came again for another customer or business date")


def look_at_removed(settings: Settings) -> Finding:
    """Whether the landing folder still has the files of all that is loaded: a rebuild would lose the rest."""
    if not settings.warehouse.exists():
        return Finding("removed", "ok", "not looked at")
    with _looking(settings):
        missing = missing_partitions(settings, None, None)
    if not missing:
        return Finding("removed", "ok", "every loaded date has its files in landing")
    shown = [f"{name} {day}" for name, days in missing.items() for day in days]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return Finding(
        "removed",
        "warning",
        f"loaded, but gone from {settings.landing}: {', '.join(shown[:3])}{more}. Put the files back, or take their "
        "rows out with `mainstay backfill FROM TO --remove-missing`; a rebuild would be without them",
    )
