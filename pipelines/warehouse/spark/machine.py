"""What Spark needs of this machine: Java, Python packages, and a lake that is the owner's alone."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import subprocess
from contextlib import closing
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from packaging.requirements import Requirement

from pipelines.errors import EngineError, MainstayError
from pipelines.quoting import literal
from pipelines.warehouse.connection import restrict
from pipelines.warehouse.faults import said
from pipelines.warehouse.rights import private_mode
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.served import is_served
from pipelines.warehouse.store import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

    Seen = tuple[str, str, str]

OLDEST_JAVA = 17
LOW_DISK_BYTES = 2 * 1024**3
_WITHOUT_VERSION = ("pyspark", "dbt-spark")
_INSTALL_JAVA = (
    f"install Java {OLDEST_JAVA} or newer (openjdk-{OLDEST_JAVA}-jre-headless, or your system's like)"
)
_INSTALL = "install Mainstay with its extra `spark` (`make .venv/spark` in a checkout)"


def look_at_java(settings: Settings) -> Iterator[Seen]:
    """Whether there is a Java that Spark can run on, and which; JAVA_HOME goes first, as it does with Spark."""
    if is_served(settings):
        yield "ok", "java", "not needed here: the server of Spark Connect has it"
        return
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None:
        yield "problem", "java", f"no java on the PATH, and JAVA_HOME is not set; {_INSTALL_JAVA}"
        return
    where = f"{found} (by JAVA_HOME)" if home else found
    try:
        done = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        way = "name the folder of another in JAVA_HOME, or take that away" if home else _INSTALL_JAVA
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        yield "problem", "java", f"{where} cannot be run ({reason}); {way}"
        return
    match = re.search(r'version "(?:1\.)?(\d+)[^"]*"', done.stdout + done.stderr)
    if match is None:
        yield "warning", "java", f"{where} does not say its version; Spark needs {OLDEST_JAVA} or newer"
    elif int(match[1]) < OLDEST_JAVA:
        said = match[0].removeprefix("version ").strip('"')
        yield (
            "problem",
            "java",
            f"{where} is Java {said}; {_INSTALL_JAVA}, and name its folder in JAVA_HOME where both stay",
        )
    else:
        said = match[0].removeprefix("version ").strip('"')
        yield "ok", "java", f"Java {said}, {where}"


def wanted() -> list[Requirement]:
    """What the extra `spark` asks for; by name alone where Mainstay was installed before it had one."""
    try:
        found = [Requirement(text) for text in requires("mainstay") or []]
    except PackageNotFoundError:
        found = []
    own = [r for r in found if r.marker is not None and "extra" in str(r.marker)]
    return [r for r in own if r.marker and r.marker.evaluate({"extra": "spark"})] or [
        Requirement(name) for name in _WITHOUT_VERSION
    ]


def look_at_packages(settings: Settings) -> Iterator[Seen]:
    """Whether PySpark and dbt-spark are installed, in the versions that Mainstay is tried with."""
    del settings
    missing, wrong = [], []
    for requirement in wanted():
        try:
            have = version(requirement.name)
        except PackageNotFoundError:
            missing.append(requirement.name)
        else:
            if not requirement.specifier.contains(have):
                wrong.append(f"{requirement.name} {have} instead of {requirement.specifier}")
    if missing:
        yield "problem", "packages", f"not installed: {', '.join(missing)}; {_INSTALL}"
    if wrong:
        yield "problem", "packages", f"{', '.join(wrong)}; {_INSTALL}"


def look_at_lake(settings: Settings) -> Iterator[Seen]:
    """Whether the lake can be written, is the owner's alone, and has room."""
    try:
        lake = Lake.of(settings)
        if lake.folder is None:
            _try(settings, lake)
            yield "ok", "lake", f"{lake.root} can be read and written; who else may is the store's affair"
            return
    except (MainstayError, OSError) as error:
        yield (
            "problem",
            "lake",
            str(error) if isinstance(error, MainstayError) else f"{settings.lake}: {error}",
        )
        return
    folder = lake.folder
    try:
        probe = folder / f".doctor-{secrets.token_hex(4)}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        yield (
            "problem",
            "lake",
            f"{folder} cannot be written ({error.strerror}); let Mainstay's account write there",
        )
        return
    held = folder.stat()
    most, bits = private_mode(settings), stat.S_IMODE(held.st_mode)
    if bits & ~most & 0o777:
        text = f"more accounts than meant can open {folder} ({bits:04o} instead of {most:04o})"
        yield "warning", "lake", f"{text}; run `chmod {bits & most:04o} {folder}`"
    if held.st_uid != os.geteuid():
        text = f"{folder} belongs to account {held.st_uid}, and Mainstay runs as {os.geteuid()}, who cannot close it"
        yield "warning", "lake", f"{text}; run `chown -R {os.geteuid()} {folder}`"
    free = shutil.disk_usage(folder).free
    said = f"{folder}, {bits:04o}, {free / 1024**3:.1f} GiB free"
    if free < LOW_DISK_BYTES:
        yield (
            "warning",
            "lake",
            f"{said}; make room for the next night, which needs as much again as a build has made",
        )
    else:
        yield "ok", "lake", said


def _try(settings: Settings, lake: Lake) -> None:
    """Write an object as Arrow does it, read it as DuckDB does, restricted as it is there, and take it away."""
    mark = f".doctor-{secrets.token_hex(4)}"
    lake.write_text(mark, mark)
    try:
        with closing(duckdb.connect()) as connection:
            reach(connection, settings)
            restrict(connection, [f"{lake.root}/"])
            try:
                connection.execute(f"SELECT content FROM read_text({literal(lake.path(mark))})").fetchall()
            except duckdb.Error as error:
                raise EngineError(
                    f"{lake.root}: Arrow writes there, and DuckDB cannot read it ({said(error, is_personal=False)}); give "
                    "both the same credentials and AWS_ENDPOINT_URL by the environment"
                ) from error
    finally:
        lake.remove_file(mark)
