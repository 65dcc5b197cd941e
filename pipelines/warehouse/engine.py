"""What an engine, which loads and builds, is asked for: what it can do, never its name. `engines` gives the deployment's.

With DuckDB the rows lie in the warehouse's file. With Spark they lie as Parquet in a lake, and the file keeps the ledger, the
fitted models, and views over the lake, so that all that only reads works the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipelines.errors import WarehouseDamagedError
from pipelines.warehouse.spread import Columns as Columns
from pipelines.warehouse.spread import Table as Table

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from pipelines.settings import Settings
    from pipelines.warehouse.spread import Spread


ASIDE = "aside-"
"""What the names of a warehouse and of rows that were set aside begin with, or go on with."""
LAKE_MARK = "MAINSTAY_LAKE"
"""A file that says that a folder is a lake, in which what no manifest names is removed."""
NO_ROWS = (LAKE_MARK, "lost+found")
"""What may lie in a lake without rows: a disk that is mounted for it has a folder of its own."""


@dataclass
class Building:
    """A dbt command under way."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """What dbt's profile and macros read."""
    keep: Callable[[Mapping[Table, Sequence[str]]], None] = lambda tables: None
    """To be called with the tables that dbt has made, each with its columns in their order, in whatever way it ended."""


class Engine(Protocol):
    """One of the two."""

    @property
    def packages(self) -> Sequence[str]:
        """Python packages whose version can change what is built."""

    @property
    def kept_as(self) -> str:
        """What a table of loaded rows is in the warehouse's file, as `information_schema` calls it."""

    @property
    def stages_tables(self) -> bool:
        """Whether staging models hold rows of their own, which a load leaves behind."""

    @property
    def dbt_target(self) -> str:
        """The target in dbt's profiles."""

    def keep_tables(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        tables: Mapping[Table, Sequence[tuple[str, str]]],
    ) -> None:
        """Make tables of loaded rows, or add the columns that they lack; columns by name and DuckDB type."""

    def retype(self, connection: duckdb.DuckDBPyConnection, table: Table, columns: Mapping[str, str]) -> None:
        """Give columns of a table without rows other types."""

    def building(self, settings: Settings, reads: Sequence[Table]) -> AbstractContextManager[Building]:
        """Around a dbt command that opens the database; `reads` are the warehouse's own tables that models read."""

    def let_go(self) -> None:
        """After a dbt command: close what dbt keeps open."""

    def spread(self, settings: Settings) -> Spread | None:
        """How partitions are loaded at many places at once; None where one place does it all."""

    def changing(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, where: str = "true"
    ) -> AbstractContextManager[str]:
        """Rows of a loaded table, to be changed and deleted within a transaction; gives the name that they have meanwhile.

        Args:
            connection: To the warehouse.
            settings: The deployment.
            table: Schema and name of a table that loading fills.
            where: SQL of the rows that may be changed; rows of other partitions need not be there.
        """

    def tables(self, connection: duckdb.DuckDBPyConnection) -> set[Table]:
        """All that has rows of its own, and not by looking into others."""

    def drop(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Take a table away, and its rows with it."""

    def tidy(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        """Outside a transaction, with the warehouse's lock: remove what no row is read from any more, or never was."""

    def places(self, settings: Settings) -> list[Path | str]:
        """What holds rows beside the warehouse's file: folders, and addresses in an object store, which end with a slash."""

    def claim(self, settings: Settings) -> None:
        """Before a command begins that moves or removes rows beside the warehouse's file: make sure that they are its own.

        Raises:
            SettingsError: they are another deployment's, or none.
        """

    def set_aside(self, settings: Settings, name: str) -> Path | None:
        """Move the rows that lie beside the warehouse's file to a folder of that name, if there are any.

        What a kill has left undone a second call does.
        """

    def examine(self, settings: Settings) -> Iterator[tuple[str, str, str]]:
        """For `mainstay doctor`: `ok`, `warning` or `problem`, what was looked at, and what is the matter."""


def require_own(connection: duckdb.DuckDBPyConnection, settings: Settings, kept_as: str) -> None:
    """Make sure that the warehouse is of this engine: how its loaded rows are kept says which made it.

    Raises:
        WarehouseDamagedError: the other engine made it.
    """
    found = connection.execute(
        "SELECT table_name, table_type FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND table_schema = 'raw' AND table_type <> ? LIMIT 1",
        [kept_as],
    ).fetchone()
    if found is not None:
        table, kind = found
        other = "spark" if kind == "VIEW" else "duckdb"
        raise WarehouseDamagedError(
            f"{settings.warehouse} was made with MAINSTAY_ENGINE={other}, and raw.{table} lies elsewhere; set it back, "
            f"or run `mainstay rebuild`, which loads all that is landed with {settings.engine}"
        )
