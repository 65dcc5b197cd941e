"""Names the moments of a night: where a step begins and ends, each statement, model, suite and publishing point.

`listen` puts ears into this process's modules and never takes them out: only for a process that runs one night.
A moment's name does not say how often it came; two nights over the same files pass the same moments.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Heard = Callable[[str], None]

STEPS = ("start", "land", "load", "stage", "validate", "build", "fit", "publish", "close", "finish")
"""The public steps that a night calls; each begin and end is a boundary."""

_CHANGING = re.compile(r"\d{8}T\d{6}_\d{6}Z-[\w-]+|\.\d+\.")
"""What differs between two nights in a file's name: a version's identifier, a process's number."""


def listen(heard: Heard) -> None:
    """Call `heard` with the name of each moment from now on, in the thread and at the instant it comes."""
    running = ["outside"]

    def tell(what: str) -> None:
        heard(f"{running[-1]}: {what}")

    _steps(running, tell)
    _ledger(tell)
    _statements(tell)
    _suites(tell)
    _renames(tell)
    from pipelines.publish import files

    point = files.crash_point
    for module in [module for name, module in sys.modules.items() if name.startswith("pipelines.")]:
        if getattr(module, "crash_point", None) is point:
            module.crash_point = tell  # type: ignore[attr-defined]


def models_of(step: str, heard: Heard) -> Callable[[str], None]:
    """To be given to stage, build or fit as `say`: it hears each model that dbt has finished."""
    return lambda text: heard(f"{step}: dbt: {text}")


def _steps(running: list[str], tell: Heard) -> None:
    from pipelines import steps

    def wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            tell(f"before {_label(name, args)}")
            running.append(_label(name, args))
            try:
                result = function(*args, **kwargs)
                tell("done")
                return result
            finally:
                running.pop()

        return call

    # A step calls another by the name under which its own module knows it.
    modules = [module for name, module in sys.modules.items() if name.startswith("pipelines.steps")]
    for name in STEPS:
        function = getattr(steps, name)
        called = wrapped(name, function)
        for module in modules:
            if getattr(module, name, None) is function:
                setattr(module, name, called)


def _label(name: str, args: tuple[Any, ...]) -> str:
    return f"validate_{args[2]}" if name == "validate" else name


def _ledger(tell: Heard) -> None:
    from pipelines.warehouse import ledger

    record = ledger.record_step

    def recorded(connection: Any, run_id: str, step: str, started: Any, status: str, *rest: Any) -> None:
        record(connection, run_id, step, started, status, *rest)
        tell(f"{step} noted as {status}")

    ledger.record_step = recorded


def _statements(tell: Heard) -> None:
    """A moment after each SQL statement of our own; dbt and Great Expectations open their connections themselves."""
    from pipelines.warehouse import connection

    connect = connection.duckdb.connect
    connection.duckdb = SimpleNamespace(  # type: ignore[assignment]
        **{**vars(connection.duckdb), "connect": lambda *a, **k: _Connection(connect(*a, **k), tell)}
    )


class _Connection:
    """A DuckDB connection, a class that cannot be extended, that tells of its statements."""

    def __init__(self, connection: Any, tell: Heard) -> None:
        self._connection, self._tell = connection, tell

    def execute(self, *args: Any) -> Any:
        result = self._connection.execute(*args)
        self._tell("statement")
        return result

    def close(self) -> None:
        self._connection.close()
        self._tell("warehouse closed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _suites(tell: Heard) -> None:
    from great_expectations.core.batch import Batch  # noqa: F401  # its module must be loaded first
    from great_expectations.core.batch_definition import BatchDefinition

    batch = BatchDefinition.get_batch

    def got(self: Any, *args: Any, **kwargs: Any) -> Any:
        tell(f"suite {self.data_asset.name} begins")
        return batch(self, *args, **kwargs)

    BatchDefinition.get_batch = got


def _renames(tell: Heard) -> None:
    """What is written beside its place and renamed into it: a kill before the renaming leaves it beside."""

    def wrapped(function: Callable[[Path, Any], Any]) -> Callable[[Path, Any], Any]:
        def call(self: Path, target: Any) -> Any:
            tell(f"before renaming to {_CHANGING.sub('…', Path(target).name)}")
            return function(self, target)

        return call

    for name in ("replace", "rename"):
        setattr(Path, name, wrapped(getattr(Path, name)))
