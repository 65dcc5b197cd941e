"""Work in Spark's tasks: Python functions over picklable tasks, one task each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.session import spark_session

if TYPE_CHECKING:
    from pipelines.settings import Settings

Task = TypeVar("Task")
Result = TypeVar("Result")


class SparkSpread:
    """See `Spread`. The session is started with the first task, as most nights of most datasets bring something."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def lake(self) -> Lake:
        """The lake that every worker reads and writes."""
        return Lake.of(self._settings)

    @property
    def task_memory(self) -> str:
        """Memory that one task may use."""
        return self._settings.spark_task_memory

    def map(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """The results of the tasks in their order; of each, that of the attempt that counts.

        By DataFrames alone, so that it also runs over Spark Connect. What a task raises comes back as its result and is
        raised here, so that Spark does not try again what will fail again; a task that dies is tried again by Spark.
        """
        if not tasks:
            return []
        from pyspark import cloudpickle

        packed = [cloudpickle.dumps(task) for task in tasks]

        def run(batches: Iterator[Any]) -> Iterator[Any]:
            import pyarrow as pa

            for batch in batches:
                for number in batch.column(0).to_pylist():
                    outcome: tuple[bool, Any]
                    try:
                        outcome = True, work(cloudpickle.loads(packed[number]))
                    except Exception as error:  # noqa: BLE001 - raised again by the driver
                        outcome = False, error
                    yield pa.RecordBatch.from_pydict(
                        {"number": pa.array([number], pa.int64()), "outcome": [cloudpickle.dumps(outcome)]}
                    )

        session = spark_session(self._settings)
        frame = session.range(0, len(tasks), 1, numPartitions=len(tasks))
        rows = frame.mapInArrow(run, "number bigint, outcome binary").collect()
        results: list[Result] = []
        for row in sorted(rows, key=lambda row: int(row["number"])):
            is_done, value = cloudpickle.loads(bytes(row["outcome"]))
            if not is_done:
                raise value
            results.append(value)
        return results
