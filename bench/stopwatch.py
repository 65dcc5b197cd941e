"""Where a load's time goes: a stopwatch around the loader's functions, without changing them."""

from __future__ import annotations

import functools
import importlib
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

TIMED = [
    ("pipelines.load.partitions", "check_files", "inspection and hash"),
    ("pipelines.load.load", "compare", "finding changed files"),
    ("pipelines.load.load", "create_tables", "tables and contracts"),
    ("pipelines.load.load", "source_contracts", "tables and contracts"),
    ("pipelines.load.partitions", "_clear", "clearing the dates"),
    ("pipelines.load.reading", "_read_quickly", "typed read, rules and write"),
    ("pipelines.load.reading", "_read_carefully", "careful read (JSON Lines)"),
    ("pipelines.load.reading", "count_by_file", "counting rows by file"),
    ("pipelines.load.accounts", "count_by_file", "counting rows by file"),
    ("pipelines.load.partitions", "write_ledger", "file ledger"),
    ("pipelines.load.reading", "find_repeated_keys", "looking for repeated keys"),
    ("pipelines.load.reading", "set_duplicates_aside", "duplicate keys within a date"),
    ("pipelines.load.partitions", "note_contested_keys", "keys that come on two dates"),
]
"""Module, function, and the line of the report that its time counts for."""

COMMIT = "commit"
CHECKPOINT = "checkpoint"


class Stopwatch:
    """Exclusive seconds by label: an inner label's time does not count for the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, label: str, call: Callable[[], Any]) -> Any:
        """Do the call on the label's account."""
        self._inner.append(0.0)
        began = time.perf_counter()
        try:
            return call()
        finally:
            spent = time.perf_counter() - began
            self.seconds[label] += spent - self._inner.pop()
            if self._inner:
                self._inner[-1] += spent

    def wrap(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, on the label's account."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return self.timed(label, lambda: function(*args, **kwargs))

        return wrapped


class _Connection:
    """A connection whose checkpoint is timed."""

    def __init__(self, inner: Any, watch: Stopwatch) -> None:
        self._inner, self._watch = inner, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, query: str, *args: Any) -> Any:
        if query != "CHECKPOINT":
            return self._inner.execute(query, *args)
        return self._watch.timed(CHECKPOINT, lambda: self._inner.execute(query))

    def close(self) -> None:
        self._watch.timed(CHECKPOINT, self._inner.close)


class _Transaction:
    """A transaction whose end is timed."""

    def __init__(self, inner: AbstractContextManager[None], watch: Stopwatch) -> None:
        self._inner, self._watch = inner, watch

    def __enter__(self) -> None:
        self._inner.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self._watch.timed(COMMIT, lambda: self._inner.__exit__(*error))


def attach(watch: Stopwatch) -> None:
    """Time the loader's functions in this process from now on."""
    for module, name, label in TIMED:
        owner = importlib.import_module(module)
        setattr(owner, name, watch.wrap(label, getattr(owner, name)))
    load: Any = importlib.import_module("pipelines.load.load")
    partitions: Any = importlib.import_module("pipelines.load.partitions")
    connect, transaction = load.connect, partitions.transaction
    load.connect = lambda *args, **kwargs: _Connection(connect(*args, **kwargs), watch)
    partitions.transaction = lambda connection: _Transaction(transaction(connection), watch)
