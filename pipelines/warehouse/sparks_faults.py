"""What failures of Spark, of its Java and of its lake mean for a person: signs in their words, and sentences. See `faults`."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING

from pipelines.errors import EngineError, OutOfMemoryError, ProcessKilledError
from pipelines.showing import cut

if TYPE_CHECKING:
    from pipelines.settings import Settings

MEMORY = (
    "java.lang.OutOfMemoryError",
    "[UNABLE_TO_ACQUIRE_MEMORY]",
    "[SPILL_OUT_OF_MEMORY]",
    "Container killed",
    "Pod killed",
)
LOST = (
    "ExecutorLostFailure",
    "Python worker exited unexpectedly",
    "Answer from Java side is empty",
    "SparkContext was shut down",
    "All masters are unresponsive",
    # of a server of Spark Connect
    "StatusCode.UNAVAILABLE",
    "StatusCode.DEADLINE_EXCEEDED",
    "[INVALID_HANDLE.SESSION_",
    "[NO_ACTIVE_SESSION]",
    "[INVALID_CONNECT_URL]",
    "incorrect server side session identifier",
)
REFUSED = "] Connection refused"
"""What dbt says of Java that is gone."""
FILES = ("java.io.", "java.nio.file.")
SAID_CHARACTERS = 400
"""How much of what a library says stands in a sentence."""


def is_of_java(error: BaseException) -> bool:
    """Whether a connection was the one to the Java of this process."""
    return any(
        str(frame.f_globals.get("__name__")).startswith("py4j.") for frame, _ in walk_tb(error.__traceback__)
    )


def not_there(settings: Settings, what: str) -> EngineError:
    """The error for a lake that lacks what the warehouse's file names, with the ways out."""
    return EngineError(
        f"rows of the warehouse {settings.warehouse} are not in {settings.lake} ({what}). Mount the lake, name the place where "
        "it is in MAINSTAY_LAKE_DIR, or bring it back from the backup that the file is of; if it is lost, run "
        "`mainstay rebuild`: both are rebuilt from the landing files. BI keeps the last published night meanwhile"
    )


def out_of_memory(settings: Settings, what: str) -> OutOfMemoryError:
    """The error for an executor or a driver without memory."""
    return OutOfMemoryError(
        f"memory ran out in Spark ({cut(what, SAID_CHARACTERS)}); raise spark.executor.memory in spark_conf (with a local "
        "spark_master spark.driver.memory; with Spark Connect where its server is started), or lower the cores of an executor, "
        "and run the same command again. BI keeps the last published night"
    )


def lost(settings: Settings, what: str) -> ProcessKilledError:
    """The error for a process of Spark that is gone."""
    return ProcessKilledError(
        f"a process of Spark at {settings.spark_master} ended in the middle of its work ({cut(what, SAID_CHARACTERS)}), as the "
        "system does when memory runs out; lower spark_task_memory or the cores of an executor, or give its machine "
        "more, and run the same command again. BI keeps the last published night"
    )
