"""A part of a load that is done apart: some partitions of one dataset, read in a database of their own.

It runs wherever the engine has a place for it, more than once maybe, so it changes nothing but what it keeps under a name of
its own, and says in one result all that the one load, which it is a part of, has to know.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contracts.location import fixed_folder
from pipelines.errors import LandingError, MainstayError
from pipelines.land.check import look_at
from pipelines.load.controls import ControlMismatchError, control_sums
from pipelines.load.reading import attempts, read
from pipelines.load.rejects import Excess, TooManyRejectsError
from pipelines.load.state import FileCount, PartitionLoad
from pipelines.load.tables import tables_of
from pipelines.quoting import ident
from pipelines.settings import secret_settings
from pipelines.warehouse.connection import connect, restrict, transaction
from pipelines.warehouse.in_process import DuckDBEngine
from pipelines.warehouse.rights import private_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.land import Inspected
    from pipelines.settings import Settings
    from pipelines.warehouse.spread import Keeper, Kept


@dataclass(frozen=True)
class Reader:
    """What all parts of a load share."""

    settings: Settings
    contract: SourceContract
    run_id: str
    keeper: Keeper


@dataclass(frozen=True)
class Part:
    """Whole partitions of the dataset."""

    files: Sequence[LandingFile]
    erased: Mapping[Path, int]
    """By file, the rows of forgotten customers that were taken out of it."""


@dataclass
class PartRead:
    """What a part has read, or why it has not."""

    files: list[Inspected] = field(default_factory=list)
    refused: list[tuple[LandingFile, LandingError]] = field(default_factory=list)
    error: MainstayError | None = None
    mismatched: list[tuple[LandingFile, str]] = field(default_factory=list)
    """Files that have not what their control totals say, each with its sentence."""
    excess: Excess | None = None
    counts: dict[str, FileCount] = field(default_factory=dict)
    """By file id."""
    controls: list[list[str]] = field(default_factory=list)
    """Rows of `ops.controls`."""
    business_dates: list[date | None] = field(default_factory=list)
    """Of the rows in `raw`."""
    kept: list[Kept] = field(default_factory=list)


def of_tasks(settings: Settings, memory: str) -> Settings:
    """The settings as a task is to have them: without secrets, and with one thread and no more than its memory."""
    without = dict.fromkeys(secret_settings())
    return settings.model_copy(update={**without, "duckdb_threads": 1, "duckdb_memory_limit": memory})


def read_part(reader: Reader, part: Part) -> PartRead:
    """Look at the files of a part, read them, and keep the rows."""
    done = PartRead()
    for file in part.files:
        found = look_at(file, reader.contract)
        if isinstance(found, LandingError):
            done.refused.append((file, found))
        else:
            done.files.append(found)
    if done.refused:
        return done
    with private_files(reader.settings), closing(connect(reader.settings, Path(":memory:"))) as connection:
        _prepare(connection, reader)
        load = PartitionLoad(
            connection, reader.settings, reader.contract, reader.run_id, done.files, (), part.erased
        )
        try:
            return attempts(load, lambda of_all: _attempt(of_all, reader.keeper, done))
        except ControlMismatchError as mismatch:
            done.mismatched = mismatch.refused
        except MainstayError as error:
            done.error = error
    return done


def _prepare(connection: duckdb.DuckDBPyConnection, reader: Reader) -> None:
    tables = tables_of(reader.contract)
    for schema in {schema for schema, _ in tables}:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}")
    DuckDBEngine().keep_tables(connection, reader.settings, tables)
    restrict(connection, [fixed_folder(reader.settings.landing, reader.contract.location)])


def _attempt(load: PartitionLoad, keeper: Keeper, done: PartRead) -> PartRead:
    connection, attempt = load.connection, secrets.token_hex(6)
    with transaction(connection):
        try:
            read(load)
        except TooManyRejectsError as refusal:
            # Other parts may have none, so what of these rows is kept for people to look at, all together decide.
            done.excess = refusal.excess
        else:
            done.controls = control_sums(load)
            dates = connection.execute(f"SELECT DISTINCT business_date FROM {load.table}").fetchall()
            done.business_dates = [day for (day,) in dates]
            done.kept += keeper.keep(connection, ("raw", load.name), attempt)
            done.kept += keeper.keep(connection, ("duplicates", load.name), attempt)
        done.kept += keeper.keep(connection, ("quarantine", load.name), attempt)
    done.counts = load.counts
    return done
