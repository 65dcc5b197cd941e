"""Work in Spark's tasks: Python functions over picklable tasks, one task each; and what they kept, taken over."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.errors import EngineError
from pipelines.quoting import file_literal
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.keeper import LakeKeeper
from pipelines.warehouse.spark.keys import Sides, compare_keys
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import PARTITION, ROWS, Entry
from pipelines.warehouse.spark.served import is_served
from pipelines.warehouse.spark.session import first_line, is_sparks, spark_session
from pipelines.warehouse.spark.types import spark_type

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Columns, Table
    from pipelines.warehouse.spread import Across, Kept

Task = TypeVar("Task")
Result = TypeVar("Result")

_CONTESTED = "__contested"


class SparkSpread:
    """See `Spread`. The session is started with the first task, as most nights of most datasets bring something."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def task_memory(self) -> str:
        """See `Spread`."""
        return self._settings.spark_task_memory

    @property
    def keeper(self) -> LakeKeeper:
        """See `Spread`."""
        return LakeKeeper(self._lake)

    @property
    def _lake(self) -> Lake:
        return Lake.of(self._settings)

    def map(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """See `Spread`.

        By DataFrames alone, so that it also runs over Spark Connect. What a task raises comes back as its result and is
        raised here, so that Spark does not try again what will fail again; a task that dies is tried again by Spark.

        Raises:
            EngineError: a task died each time that it was tried, or Spark itself failed.
        """
        if not tasks:
            return []
        from pyspark import cloudpickle
        from pyspark.sql.functions import broadcast

        session = spark_session(self._settings)
        packed = [(number, bytearray(cloudpickle.dumps(task))) for number, task in enumerate(tasks)]
        # A partition of one row for each task, which is joined to it, so that no task is sent all of them.
        numbers = session.range(0, len(tasks), 1, numPartitions=len(tasks)).toDF("number")
        frame = numbers.join(
            broadcast(session.createDataFrame(packed, "number bigint, task binary")), "number"
        )
        try:
            rows = frame.mapInArrow(_runner(work), "number bigint, outcome binary").collect()
        except Exception as error:
            if not is_sparks(error):
                raise
            raise EngineError(
                f"Spark could not end the work of {len(tasks):,} tasks ({first_line(error)}); nothing of it counts. Give "
                "executors more memory (MAINSTAY_SPARK_CONF, or where a server is started), or look into Spark's own log, and "
                "run again"
            ) from error
        results: list[Result] = []
        for row in sorted(rows, key=lambda row: int(row["number"])):
            is_done, value = pickle.loads(bytes(row["outcome"]))  # noqa: S301 - from our own tasks
            if not is_done:
                raise value
            results.append(value)
        return results

    def rows(self, kept: Kept) -> str:
        """See `Spread`."""
        return (
            f"read_parquet({file_literal(self._lake.path(f'{kept.path}/{ROWS}'))}, hive_partitioning = false)"
        )

    def compare(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: SourceContract,
        columns: Columns,
        days: Sequence[date],
        kept: Sequence[Kept],
    ) -> Across:
        """See `Spread`."""
        table = ("raw", contract.name)
        stood = manifest.entries(connection, table)
        contested = manifest.entries(connection, ("raw", f"{contract.name}{_CONTESTED}"))
        sides = Sides(
            [entry for entry in stood if entry.partition_date in days],
            [_entry(of, columns) for of in kept if of.table == table],
            [entry for entry in stood if entry.partition_date not in days],
            contested[0] if contested else None,
        )
        if (plain := sides.plain) is not None:
            return plain
        session, is_shared = spark_session(self._settings), is_served(self._settings)
        return compare_keys(session, self._lake, contract, columns, sides, is_shared=is_shared)

    def take_over(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[Table, Columns],
        days: Sequence[date],
        kept: Sequence[Kept],
        across: Across,
    ) -> None:
        """See `Spread`."""
        for table, columns in tables.items():
            if table[1].endswith(_CONTESTED):
                manifest.drop(connection, table)
                if across.contested is not None:
                    own = _described(columns)
                    manifest.add(connection, [Entry(*table, across.contested, None, own)])
            else:
                manifest.drop(connection, table, days)
                manifest.add(connection, [_entry(of, columns) for of in kept if of.table == table])
            manifest.show(connection, self._settings, self._lake, table, columns)
        self._lake.sync()


def _described(columns: Columns) -> list[list[str]]:
    return [[name, type_, spark_type(type_)] for name, type_ in columns if name != PARTITION]


def _entry(kept: Kept, columns: Columns) -> Entry:
    return Entry(*kept.table, kept.path, kept.partition_date, _described(columns), PARTITION)


def _runner(work: Callable[[Task], Result]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            for number, task in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number], pa.int64()), "outcome": pa.array([_outcome(work, task)])}
                )

    return run


def _outcome(work: Callable[[Task], Result], task: bytes) -> bytes:
    """Whether a task was done, and its result or what it raised, pickled."""
    try:
        return pickle.dumps((True, work(pickle.loads(task))))  # noqa: S301 - from our own driver
    except Exception as error:  # noqa: BLE001 - raised again by the driver
        try:
            packed = pickle.dumps((False, error))
            pickle.loads(packed)  # noqa: S301 - an error that takes other arguments than its text cannot be made again
        except Exception:  # noqa: BLE001 - its kind and text are what is left
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
        return packed
