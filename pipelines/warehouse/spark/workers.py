"""What Spark and its workers have and see; run as a process by `examine`, with the settings as JSON on standard input."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pipelines.errors import EngineError
from pipelines.showing import cut, visible, without_values
from pipelines.warehouse.faults import explained
from pipelines.warehouse.rights import private_mode
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings

    Seen = tuple[str, str, str]

_TASKS, _TASK_SECONDS = 32, 0.25
"""On a cluster: as short as that, an idle worker gets some of so many."""
_REFUSED = ". A master that authenticates, and one of another version, sends whom it does not know away: look at its log"
_SAME = "install the same there: every worker needs what the driver has"


def look_at_spark(settings: Settings) -> list[Seen]:
    """Whether Spark can be reached and is of PySpark's version, and what its workers have and see."""
    try:
        session = spark_session(settings)
        return [_version(session, settings), *_workers(session, settings)]
    except EngineError as error:
        refused = "stopped SparkContext" in str(error)  # that is all that a driver learns of it
        return [("problem", "spark", f"{error}{_REFUSED if refused else ''}")]


def _version(session: SparkSession, settings: Settings) -> Seen:
    from pyspark import __version__ as own

    if session.version != own:
        text = f"{settings.spark_master} has Spark {session.version}, and PySpark here is {own}; both must be the same"
        return "problem", "spark", f"{text}: update the one or the other"
    return "ok", "spark", f"Spark {own}, {settings.spark_master}"


def _workers(session: SparkSession, settings: Settings) -> list[Seen]:
    lake = Lake.of(settings)
    mark = f"doctor-{secrets.token_hex(4)}"  # a name that begins with a dot Spark would not read
    datasets = sorted(path.name for path in settings.landing.glob("*"))[:50]
    versions, look = probe(lake.root, str(settings.landing), datasets, mark, private_mode(settings))
    is_local = settings.spark_master.startswith("local")
    try:
        lake.write_json(mark, mark)
        if lake.folder is None:  # by Hadoop's connector, which is none of Spark's own
            session.read.text(lake.address(mark)).collect()
        tasks = 1 if is_local else _TASKS
        frame = session.range(0, tasks, 1, numPartitions=tasks)
        found = [json.loads(row["said"]) for row in frame.mapInArrow(look, "said string").collect()]
    except Exception as error:  # noqa: BLE001 - of the session's, py4j's and gRPC's classes
        return [("problem", "workers", _why(settings, error))]
    finally:
        lake.remove_file(mark)
    return judged(versions(), found)


def judged(own: dict[str, str], found: list[dict[str, Any]]) -> list[Seen]:
    """What the workers said, beside what the driver has."""
    wrong: Counter[str] = Counter()
    for said in found:
        where = f"worker {said['host']}"
        for name, have in own.items():
            if (theirs := said["versions"].get(name)) != have:
                wrong[f"{where}: {name} {theirs or 'is not there'}, and the driver has {have}; {_SAME}"] += 1
        wrong.update(f"{where}: {problem}" for problem in said["problems"])
    if wrong:
        return [("problem", "workers", text) for text in wrong]
    places = Counter(host for host, _ in {(said["host"], said["process"]) for said in found})
    hosts = ", ".join(f"{host} ×{count}" if count > 1 else host for host, count in sorted(places.items()))
    has = ", ".join(f"{name} {number}" for name, number in own.items())
    return [("ok", "workers", f"{hosts}: {has}, as here; they see the landing folder and write the lake")]


def probe(
    lake: str, landing: str, datasets: list[str], mark: str, most: int
) -> tuple[Callable[[], dict[str, str]], Callable[[Iterator[Any]], Iterator[Any]]]:
    """What a process has, and a task that says so and what it sees.

    Both import what they need when they are called, and are no functions of this module: a worker that lacks Mainstay is to say
    so, and could not even be told to look otherwise.
    """

    def versions() -> dict[str, str]:
        import platform
        from importlib import import_module
        from importlib.metadata import PackageNotFoundError, version

        found = {"Python": platform.python_version()}
        for name in ("duckdb", "pyarrow", "pyspark"):
            try:
                found[name] = import_module(name).__version__
            except ImportError:
                continue
        try:
            import_module("pipelines.warehouse.spark.spread")
            found["mainstay"] = version("mainstay")
        except PackageNotFoundError:
            found["mainstay"] = "of a version that is not known"
        except ImportError:
            pass
        return found

    def problems(number: int) -> Iterator[str]:
        from pathlib import Path

        from pyarrow.fs import FileSystem, LocalFileSystem

        # The same file as the driver's: a folder of that name is soon there on any machine.
        try:
            files, root = FileSystem.from_uri(lake) if "://" in lake else (LocalFileSystem(), lake)
            with files.open_input_stream(f"{root}/{mark}") as stream:
                stream.read()
        except Exception as error:  # noqa: BLE001 - of the store's classes
            yield (
                f"does not see what the driver has just written to the lake {lake} ({type(error).__name__}); let every "
                "worker mount or reach the same one, under the same name"
            )
            return
        own = f"{root}/{mark}-{number}"
        try:
            with files.open_output_stream(own) as stream:
                stream.write(b"probe")
            with files.open_input_stream(own) as stream:
                stream.read()
            bits = 0 if "://" in lake else Path(own).stat().st_mode & 0o777
            files.delete_file(own)
        except Exception as error:  # noqa: BLE001 - of the store's classes
            yield (
                f"cannot write, read and remove a file in the lake {lake} ({type(error).__name__}); let its workers run as the "
                "account that runs Mainstay, or give theirs the right"
            )
        else:
            if bits & ~most:
                umask = f"{~most & 0o777:03o}"
                yield (
                    f"writes files that more accounts than meant can open ({bits:04o}); start its workers with `umask {umask}`"
                )
        if missing := [name for name in datasets if not (Path(landing) / name).exists()]:
            yield (
                f"does not see {missing[0]} in the landing folder {landing}; let every worker mount the same one, under the "
                "same name"
            )

    def look(batches: Iterator[Any]) -> Iterator[Any]:
        import json
        import os
        import socket
        import time

        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                said = {
                    "host": socket.gethostname(),
                    "process": os.getppid(),
                    "versions": versions(),
                    "problems": list(problems(number)),
                }
                time.sleep(_pause)
                yield pa.RecordBatch.from_pydict({"said": [json.dumps(said)]})

    _pause = _TASK_SECONDS
    return versions, look


def _why(settings: Settings, error: Exception) -> str:
    text = str(error)
    python = os.environ.get("PYSPARK_PYTHON", sys.executable)
    if "PYTHON_VERSION_MISMATCH" in text:
        return (
            f"the workers' Python is of another version than the driver's ({sys.version.split()[0]}); {_SAME}"
        )
    if "Cannot run program" in text:
        return f"the workers have no Python at {python}; {_SAME}, or name theirs in PYSPARK_PYTHON"
    for package in ("pyarrow", "pandas", "pyspark"):
        if f"No module named '{package}" in text or f"PACKAGE_NOT_INSTALLED] {package}" in text:
            return f"the workers lack {package}; {_SAME}"
    known = explained(settings, error)
    return str(known) if known else f"a small task failed: {visible(cut(without_values(text), 300))}"


def main() -> None:
    """Look, and print what was seen as one line of JSON."""
    from pipelines.settings import Settings

    settings = Settings(**json.load(sys.stdin))
    seen = look_at_spark(settings)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
