"""The one Spark session of a process, with what the results depend on set the same everywhere."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import EngineError
from pipelines.paths import plain
from pipelines.showing import without_values
from pipelines.warehouse.rights import private_files, private_folder, private_mode
from pipelines.warehouse.spark.quiet import silence
from pipelines.warehouse.spark.served import is_served, nobody_answers, require_own_server
from pipelines.warehouse.spill import spill_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings

_FIXED = {
    # Results depend on these, so nobody else decides them.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # The tiers that are held are a month after a month and a customer after a customer, in a query that ends by itself.
    "spark.sql.cteRecursionLevelLimit": "10000",
    "spark.sql.cteRecursionRowLimit": "-1",
    # Its databases are made anew, so it is none that somebody else's tables are in.
    "spark.sql.defaultCatalog": "spark_catalog",
    "spark.sql.catalog.spark_catalog": "builtin",
}
_AT_START = {
    # The manifest is the catalogue: nothing to run beside it, nothing that a kill leaves half written.
    "spark.sql.catalogImplementation": "in-memory",
}
_ATTEMPTS = 4
"""Of a task, Spark's own default on a cluster."""
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # A shop's tables are small and many: adaptive execution joins what is left of these.
    "spark.sql.shuffle.partitions": "32",
    # Folders of a thousand dates are listed sooner than a job for it is set up.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
}


def spark_session(settings: Settings) -> SparkSession:
    """The process's session, started if there is none yet; it ends with the process.

    Raises:
        EngineError: Spark is not installed, cannot be started, or cannot be reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(
            "MAINSTAY_ENGINE is spark, and PySpark is not installed; install Mainstay with its extra `spark` "
            "(`make .venv/spark` in a checkout)"
        ) from error
    silence()
    active = _active(SparkSession)
    if active is not None:
        return active
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    # What dbt asks of a session that it is given; a server has decided on it.
    warnings.filterwarnings("ignore", message="Failed to set spark.sql.catalogImplementation")
    if (silent := nobody_answers(settings)) is not None:
        raise EngineError(f"{silent}. The warehouse and BI stay as they were")
    try:
        with _own_words(settings):
            return _opened(SparkSession, settings)
    except Exception as error:
        if not (is_sparks(error) or isinstance(error, OSError | RuntimeError)):
            raise
        raise EngineError(_why(settings, error)) from error


def _opened(sessions: type[SparkSession], settings: Settings) -> SparkSession:
    # Within the caller's `try`: a variable of the environment may be at odds with it, which the builder says.
    builder = sessions.builder.appName("Mainstay")
    asked = _settings_of(settings)
    served = is_served(settings)
    builder = builder.remote(settings.spark_master) if served else builder.master(_master(settings))
    for name, value in asked.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    if served:
        try:
            require_own_server(session, settings, asked)
        except Exception:
            session.stop()  # or the next to ask would be given it
            raise
    return session


def _active(sessions: type[SparkSession]) -> SparkSession | None:
    """The session that there is, if its Java is still there: PySpark starts no second one in a process."""
    try:
        active = sessions.getActiveSession()
        if active is not None:
            active.conf.get("spark.app.name")
    except Exception as error:
        if not (is_sparks(error) or isinstance(error, OSError)):
            raise
        raise EngineError(
            "the Java of this process, or the server of Spark Connect, has ended, as the system does when memory runs out; run "
            "the same command again, which starts another. The warehouse and BI stay as they were"
        ) from error
    return active


@contextmanager
def _own_words(settings: Settings) -> Iterator[None]:
    """What a Java that starts says of itself goes to a log, and not among the words of a command.

    It keeps the place that its errors go to from its start; what goes wrong later comes back as an exception.
    """
    with (
        private_files(settings),
        (private_folder(settings, settings.var / "logs") / "spark.log").open("ab") as log,
    ):
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)


def is_sparks(error: Exception) -> bool:
    """Whether Spark failed, here or in the JVM; py4j and gRPC pass that on by classes that are not there without them."""
    return type(error).__module__.partition(".")[0] in ("pyspark", "py4j", "grpc")


_DETAILS = re.compile(r"\bdetails = \"(.*?)\"?$", re.MULTILINE)
"""The one line of gRPC's that says what happened."""
_RAISED = re.compile(r"(\w+\.)*\w*(Error|Exception): ")


def first_line(error: Exception) -> str:
    """What of an error can stand in a sentence, whoever reads it: of a worker's, what it raised."""
    text = without_values(str(error))
    if details := _DETAILS.search(text):
        return details[1][:300]
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    raised = (line for line in reversed(lines) if _RAISED.match(line))
    return (next(raised, lines[0]) if lines[0].endswith(":") else lines[0])[:300]


def _master(settings: Settings) -> str:
    """A local Spark tries a task again that has died, as a cluster does, only where it is told how often."""
    match = re.fullmatch(r"local(?:\[(.+)\])?", settings.spark_master)
    return f"local[{match[1] or 1},{_ATTEMPTS}]" if match else settings.spark_master


def _settings_of(settings: Settings) -> dict[str, str]:
    if is_served(settings):  # what is not of a session the server has been started with
        of_sessions = {name: value for name, value in _DEFAULTS.items() if name.startswith("spark.sql.")}
        return {**of_sessions, **settings.spark_conf, **_FIXED}
    scratch = spill_folder(settings)
    scratch.mkdir(mode=0o700)
    # At a comma Spark would begin another folder, and rows would lie where nobody looks for them.
    if "," in str(scratch):
        scratch = plain(scratch, without=",")
    log = Path(__file__).with_name("log4j2.properties").as_uri()
    local = (
        {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        if settings.spark_master.startswith("local")
        else {}
    )
    own = dict(settings.spark_conf)
    options = f"-Dlog4j2.configurationFile={log} {own.pop('spark.driver.extraJavaOptions', '')}".strip()
    return {
        **_DEFAULTS,
        **local,
        # Hadoop gives each file that it makes the rights of this, whatever the process's own umask is.
        "spark.hadoop.fs.permissions.umask-mode": f"{~private_mode(settings) & 0o777:03o}",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.extraJavaOptions": options,
        **own,
        **_FIXED,
        **_AT_START,
    }


def _why(settings: Settings, error: Exception) -> str:
    # Whole, as no row has been read yet; but not py4j's own first line.
    text = re.sub(r"^An error occurred while calling [^\n]*\n: ", "", str(error))
    details = _DETAILS.search(text)
    lines = [details[1]] if details else [line.strip() for line in text.splitlines() if line.strip()]
    said = (lines or [type(error).__name__])[0][:300]
    return (
        f"Spark cannot be started or reached at {settings.spark_master} ({said}); `mainstay doctor` looks at "
        "Java, Spark and the lake. The warehouse and BI stay as they were"
    )
