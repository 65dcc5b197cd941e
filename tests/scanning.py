"""Looks for planted texts in every byte below a folder: in files as they are, and in what is compressed or a database.

DuckDB, Parquet and gzip hold a text in such a way that its bytes are not in the file, so these are opened too.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from pipelines.quoting import file_literal, ident, literal
from pipelines.warehouse.connection import LAKE

ROWS = ("raw", "quarantine", "duplicates", "restricted")
"""The warehouse's schemas that are there to hold rows with personal columns, and are read by no reader."""


@dataclass
class Scan:
    """What was found, as `place: text`, and how many files and tables were looked into."""

    found: list[str] = field(default_factory=list)
    files: int = 0
    tables: int = 0


def scan(
    folder: Path, markers: Iterable[str], *, without: Collection[Path] = (), schemas: Collection[str] = ()
) -> Scan:
    """Look for the markers, whatever their case.

    Args:
        folder: All files below it are read.
        markers: Texts of ASCII letters and digits alone, or dates.
        without: Files and folders that may hold them.
        schemas: Schemas of DuckDB files that may hold them. A file that has one of these is not looked at byte by byte.
    """
    wanted = sorted({marker.lower() for marker in markers})
    assert wanted
    result = Scan()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.is_relative_to(w) for w in without):
            continue
        result.files += 1
        begin = path.read_bytes()[:16]
        is_with_rows = False
        if begin[8:12] == b"DUCK":
            with duckdb.connect(str(path), read_only=True) as connection:
                # A warehouse may have views of rows in the lake beside its folder.
                connection.execute(f"SET VARIABLE {LAKE} = {file_literal(path.parents[1] / 'lake')}")
                is_with_rows = _tables(connection, path, wanted, schemas, result)
        elif begin[:4] == b"PAR1":
            with duckdb.connect() as connection:
                _texts(connection, f"read_parquet({literal(str(path))})", str(path), wanted, result)
        elif begin[:15] == b"SQLite format 3":
            _sqlite(path, wanted, result)
        if not is_with_rows:
            for content in _contents(path):
                low = content.lower()
                result.found += [
                    f"{path}: {m}" for m in wanted if m.encode() in low or m.encode("utf-16-le") in low
                ]
    return result


def _contents(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield str(path).encode("utf-8", "surrogateescape") + b"\n" + content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)


def _tables(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    markers: list[str],
    schemas: Collection[str],
    result: Scan,
) -> bool:
    """Look through tables and views; says whether the file has one of the schemas that are left out."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() union all "
        "select schema_name, view_name from duckdb_views() where not internal"
    ).fetchall()
    for schema, table in tables:
        if schema not in schemas:
            _texts(connection, f"{ident(schema)}.{ident(table)}", f"{path} {schema}.{table}", markers, result)
    return any(schema in schemas for schema, _ in tables)


def _texts(
    connection: duckdb.DuckDBPyConnection, relation: str, place: str, markers: list[str], result: Scan
) -> None:
    result.tables += 1
    asked = ", ".join(f"coalesce(bool_or(contains(row_text, {literal(m)})), false)" for m in markers)
    row = connection.execute(
        f"select {asked} from (select lower(cast(t as varchar)) as row_text from {relation} as t)"
    ).fetchone()
    result.found += [f"{place}: {m}" for m, is_there in zip(markers, row or (), strict=True) if is_there]


def _sqlite(path: Path, markers: list[str], result: Scan) -> None:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            result.tables += 1
            text = str(connection.execute(f"select * from {ident(table)}").fetchall()).lower()
            result.found += [f"{path} {table}: {m}" for m in markers if m in text]
