"""What must hold after a kill, and after the night has been run again. Each broken promise is one sentence."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.contracts.info_table import INFO_TABLE
from pipelines.publish.catalog import DATABASE, MANIFEST, current, damage, read_manifest
from pipelines.quoting import ident, literal
from pipelines.report import PAGES
from pipelines.settings import Settings
from pipelines.warehouse.connection import connect
from pipelines.warehouse.lock import is_locked

Content = dict[str, str]
"""By table a hash of its rows in any order, without what differs from run to run."""

EMPTY = "no rows"
"""Instead of the hash."""

_OF_THE_RUN = {"run_id", "version", "published_at", "file_id", "set_aside_at"}
"""Columns that say which run it was and when, and not what it found."""

_HELD = ("raw", "quarantine", "duplicates", "marts")
"""The warehouse's schemas whose rows are a pure function of the landing files."""

_LEFTOVER = re.compile(r"\.(wal|tmp|old|partial)(\.|$)|^\.(building|swap|removing|current)-")


class Violation(AssertionError):
    """A promise that did not hold."""


@dataclass(frozen=True)
class Nights:
    """What BI may see, the old night and the new one, and what the warehouse must hold in the end."""

    old: Content
    new: Content
    held: Content

    def which(self, content: Content, what: str) -> str:
        """`old` or `new`; anything else is a violation, with the tables that differ from both."""
        for name, night in (("old", self.old), ("new", self.new)):
            if content == night:
                return name
        raise Violation(
            f"{what} is no whole night: unlike the old one in {differences(content, self.old)}, "
            f"unlike the new one in {differences(content, self.new)}"
        )


def differences(found: Content, expected: Content) -> list[str]:
    """Tables that only one of two has, or whose rows differ."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def _hashed(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    kept = ", ".join(ident(name) for name in names if name not in _OF_THE_RUN)
    rows = connection.execute(f"SELECT {kept} FROM {relation} ORDER BY ALL").fetchall()
    return hashlib.sha256(f"{kept}\n{rows!r}".encode()).hexdigest() if rows else EMPTY


def served(settings: Settings) -> Content:
    """The serving file as a BI tool opens it: read-only, in a connection of its own.

    Raises:
        Violation: it does not open, or its `_publish` table does not name one run for all of its tables.
    """
    path = settings.serving / DATABASE
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            names = [n for (n,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            return _one_run(connection, str(path), {name: ident(name) for name in names})
    except duckdb.Error as error:
        raise Violation(f"{path} does not open for a reader: {error}") from error


def served_parquet(settings: Settings) -> Content:
    """The night that the Parquet pointer leads to; violations as `served`."""
    folder = (settings.serving / "parquet" / "current").resolve()
    relations = {path.stem: f"read_parquet({literal(str(path))})" for path in folder.glob("*.parquet")}
    try:
        with duckdb.connect() as connection:
            return _one_run(connection, str(folder), relations)
    except duckdb.Error as error:
        raise Violation(f"{folder} cannot be read: {error}") from error


def _one_run(connection: duckdb.DuckDBPyConnection, where: str, relations: dict[str, str]) -> Content:
    if INFO_TABLE not in relations:
        raise Violation(f"{where} has no table {INFO_TABLE}")
    info = connection.execute(
        f"SELECT table_name, row_count, run_id, version, as_of_date FROM {relations[INFO_TABLE]}"
    ).fetchall()
    if len({row[2:] for row in info}) != 1:
        raise Violation(f"{where}: {INFO_TABLE} names more than one run: {sorted({row[2:] for row in info})}")
    counts = {name: rows for name, rows, *_ in info}
    if counts.keys() != relations.keys() - {INFO_TABLE}:
        raise Violation(f"{where}: {INFO_TABLE} lists {sorted(counts)}, there are {sorted(relations)}")
    for name, rows in counts.items():
        found = connection.execute(f"SELECT count(*) FROM {relations[name]}").fetchall()[0][0]
        if found != rows:
            raise Violation(f"{where}: {name} has {found} rows, {INFO_TABLE} says {rows}")
    return {name: _hashed(connection, relation) for name, relation in relations.items()}


def held(settings: Settings) -> Content:
    """Rows of the warehouse that must not depend on how the nights went."""
    with closing(connect(settings, read_only=True)) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE list_contains(?, schema_name)",
            [list(_HELD)],
        ).fetchall()
        return {f"{s}.{t}": _hashed(connection, f"{ident(s)}.{ident(t)}") for s, t in tables}


def after_kill(settings: Settings, nights: Nights) -> str:
    """BI has one whole night, DuckDB file and Parquet each, and the dead process holds no lock; which night it is."""
    night = nights.which(served(settings), "the serving file")
    nights.which(served_parquet(settings), "the Parquet folder")
    if is_locked(settings):
        raise Violation("the warehouse is locked, although the process that locked it is dead")
    return night


def after_recovery(settings: Settings, nights: Nights, kills: int) -> None:
    """The night has been run again after so many kills: everything is as if none had been."""
    if nights.which(served(settings), "the serving file") != "new":
        raise Violation("the night was run again and BI still has the old one")
    if nights.which(served_parquet(settings), "the Parquet folder") != "new":
        raise Violation("the night was run again and the Parquet pointer still leads to the old one")
    if other := differences(held(settings), nights.held):
        raise Violation(f"the warehouse does not hold what an undisturbed night leaves: {other}")
    problems = [*_ledger(settings, kills), *_leftovers(settings), *_versions(settings), *_reports(settings)]
    if is_locked(settings):
        problems.append("the warehouse is locked, and nobody writes")
    if problems:
        raise Violation("; ".join(problems))


def _ledger(settings: Settings, kills: int) -> Iterable[str]:
    """Nothing is left running or waiting, each file's rows are accounted for, and only killed runs count as killed."""
    with closing(connect(settings, read_only=True)) as connection:

        def rows(sql: str) -> list[tuple[object, ...]]:
            found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
            return found

        for table in ("runs", "steps"):
            if left := rows(f"SELECT * FROM ops.{table} WHERE status = 'running' ORDER BY ALL"):
                yield f"ops.{table} still has running: {left}"
        for table in ("unvalidated", "touched"):
            if left := rows(f"SELECT * FROM ops.{table} ORDER BY ALL"):
                yield f"ops.{table} is not empty: {left}"
        failed = rows(
            "SELECT run_id, status, message FROM ops.runs WHERE status NOT IN ('success', 'killed')"
        )
        if failed:
            yield f"runs failed: {failed}"
        killed = rows("SELECT run_id FROM ops.runs WHERE status = 'killed'")
        if len(killed) > kills:
            yield f"{len(killed)} runs count as killed after {kills} kills: {killed}"
        unlike = rows(
            "SELECT path, rows_in, loaded, quarantined, duplicates FROM ops.files "
            "WHERE status = 'loaded' AND rows_in <> loaded + quarantined + duplicates"
        )
        if unlike:
            yield f"rows are unaccounted for: {unlike}"
        twice = rows(
            "SELECT dataset, partition_date FROM ops.files WHERE status = 'loaded' GROUP BY ALL "
            "HAVING count(DISTINCT run_id) > 1"
        )
        if twice:
            yield f"two runs' files count as loaded: {twice}"


_KNOWN = {
    "var": {
        "airflow",
        "cache",
        "data_docs",
        "dbt",
        "gx",
        "landing",
        "locks",
        "logs",
        "serving",
        "spill",
        "warehouse",
    },
    "var/warehouse": {"lock", "lock.json", "mainstay.duckdb"},
    "var/serving": {"marts.duckdb", "parquet", "versions", *PAGES.values()},
    "tmp": set(),
}


def _leftovers(settings: Settings) -> Iterable[str]:
    for folder, known in _KNOWN.items():
        path = settings.home / folder
        known = {*known, "lake"} if (folder, settings.engine) == ("var", "spark") else known
        if strange := sorted({p.name for p in path.iterdir()} - known):
            yield f"left behind in {folder}: {', '.join(strange)}"
    for root, folders, names in os.walk(settings.var):
        for name in [*folders, *names]:
            if _LEFTOVER.search(name):
                yield f"left behind: {Path(root, name).relative_to(settings.home)}"


def _versions(settings: Settings) -> Iterable[str]:
    shelf, parquet = settings.serving / "versions", settings.serving / "parquet"
    kept = {path.name for path in shelf.iterdir()}
    if {path.name for path in parquet.iterdir()} != {*kept, "current"}:
        yield f"Parquet folders {sorted(p.name for p in parquet.iterdir())} are not those of {sorted(kept)}"
    for name in kept:
        if {path.name for path in (shelf / name).iterdir()} != {DATABASE, MANIFEST}:
            yield f"{shelf / name} holds {sorted(p.name for p in (shelf / name).iterdir())}"
        elif problem := damage(settings, read_manifest(shelf / name), shelf / name / DATABASE):
            yield problem
    if not any((settings.serving / DATABASE).samefile(shelf / name / DATABASE) for name in kept):
        yield "the serving file is none of the versions"


def _reports(settings: Settings) -> Iterable[str]:
    """Each page of the report is there, whole, and of the night that is served."""
    live = current(settings)
    for name in PAGES.values():
        path = settings.serving / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if live is None or f'content="{live.version} ' not in text or not text.endswith("</html>\n"):
            yield f"{path} is not the whole page of the served night"
