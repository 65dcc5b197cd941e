"""What an engine that works at many places at once offers the loader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Spread(Protocol):
    """Tasks at many places, each of which may die, be tried again, or run twice."""

    @property
    def task_memory(self) -> str:
        """Memory that one task may use."""

    def map(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """The results of the tasks in their order; of each, that of the attempt that counts."""
