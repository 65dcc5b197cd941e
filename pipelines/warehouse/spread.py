"""What an engine that works at many places at once offers the loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from pipelines.contracts import SourceContract

Table = tuple[str, str]
"""Schema and name."""

Columns = Sequence[tuple[str, str]]
"""Names and DuckDB types, in order."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Kept:
    """Rows that an attempt of a task has put where all can read them. They count once they are taken over."""

    table: Table
    partition_date: date
    path: str


class Keeper(Protocol):
    """Goes to the tasks, and keeps what they have read."""

    def keep(self, connection: duckdb.DuckDBPyConnection, table: Table, attempt: str) -> list[Kept]:
        """Put a table's rows where all can read them, each partition for itself.

        Args:
            connection: To the database that has the table.
            table: Its schema and name.
            attempt: A name of this attempt's own, so that another of the same task writes elsewhere.
        """


@dataclass
class Across:
    """What a load does to rows of other partitions that have the same keys."""

    contested: str | None
    """Where the keys that stand in several partitions are now; None where there are none."""
    business_dates: set[date | None] = field(default_factory=set)
    """Of rows in other partitions that have a key of what came or went."""
    reused: dict[date, int] = field(default_factory=dict)
    """By partition, the rows whose key the partition before has for something else."""
    reused_of_new: int = 0
    """Those of them whose key came with this load."""


class Spread(Protocol):
    """Tasks at many places, each of which may die, be tried again, or run twice."""

    @property
    def task_memory(self) -> str:
        """Memory that one task may use."""

    @property
    def keeper(self) -> Keeper:
        """For the tasks."""

    def map(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """The results of the tasks in their order; of each, that of the attempt that counts."""

    def rows(self, kept: Kept) -> str:
        """SQL relation of what was kept, without the partition's date."""

    def compare(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: SourceContract,
        columns: Columns,
        days: Sequence[date],
        kept: Sequence[Kept],
    ) -> Across:
        """Look at the keys of partitions that are about to be taken over, beside those of all others.

        Args:
            connection: To the warehouse.
            contract: The dataset's contract.
            columns: Those of its rows, by name and DuckDB type.
            days: The partitions, those to be emptied included.
            kept: Their new rows.
        """

    def take_over(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[Table, Columns],
        days: Sequence[date],
        kept: Sequence[Kept],
        across: Across,
    ) -> None:
        """Have the partitions hold what was kept, and nothing else; within the transaction that says so in the ledger.

        Args:
            connection: To the warehouse.
            tables: The dataset's; its contested keys are those with no partitions.
            days: The partitions, those to be emptied included.
            kept: Their new rows.
            across: What `compare` found.
        """
