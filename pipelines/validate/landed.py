"""The landed files of a dataset as one SELECT of text columns, before anything is cast or refused.

Rows that cannot even be split into fields are left out here: the loader accounts for each of them. Of a great
bulk only a spread of files is read, at most about `READ_BYTES` per dataset; the columns are looked up in all.
"""

from __future__ import annotations

import shutil
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import LandingError
from pipelines.land import discover
from pipelines.land.header import Header, peek_header
from pipelines.land.opening import is_gzip, open_bytes, open_text
from pipelines.quoting import file_literal, ident, literal, literals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

READ_BYTES = 32 * 1024 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024


def landed_files(
    settings: Settings,
    contracts: Mapping[str, SourceContract],
    partitions: Mapping[str, Sequence[date]] | None,
) -> dict[str, list[Path]]:
    """The landed files of the touched partitions by dataset; of all partitions where None is given."""
    found: dict[str, list[Path]] = {}
    for name, contract in contracts.items():
        if partitions is not None and not partitions.get(name):
            continue
        days = set(partitions[name]) if partitions is not None else None
        first, last = (min(days), max(days)) if days else (None, None)
        found[name] = [
            f.path
            for f in discover(settings, contract, first, last)
            if days is None or f.partition_date in days
        ]
    return found


def _spread(files: Sequence[Path]) -> list[Path]:
    """All files, or evenly spread ones that together stay near the limit."""
    total = sum(f.stat().st_size for f in files)
    if total <= READ_BYTES:
        return list(files)
    count = max(2, int(len(files) * READ_BYTES / total))
    step = (len(files) - 1) / (count - 1)
    return [files[i] for i in sorted({round(n * step) for n in range(count)})]


def _list(files: Sequence[Path]) -> str:
    """Files as a DuckDB list."""
    return "[" + ", ".join(map(file_literal, files)) + "]"


def _readable(path: Path, contract: SourceContract, scratch: Path, *, skip: int = 0) -> Path:
    """The file itself, or a copy of it in UTF-8 where it is in another encoding or has lines that DuckDB cannot skip."""
    is_utf8 = contract.dialect.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii")
    if contract.format == "parquet" or (is_utf8 and not skip):
        return path
    copy = scratch / f"{len(list(scratch.iterdir()))}.txt"
    with (
        open_text(path, contract.dialect.encoding) as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        for _ in range(skip):
            source.readline()
        shutil.copyfileobj(source, target)
    return copy


def _header(path: Path, contract: SourceContract) -> Header:
    if contract.format == "parquet":
        with open_bytes(path) as stream:
            names = tuple(pq.read_schema(stream).names)
        return Header(names, len(names), 0)
    with open_text(path, contract.dialect.encoding) as stream:
        return peek_header(path, stream, contract)


def _csv(contract: SourceContract, header: Header, files: list[Path], *, is_gzip: bool) -> str:
    dialect = contract.dialect
    # By their place, as the loader names them: a header may have names that differ in case alone, and empty ones.
    columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(header.names)))
    return (
        f"read_csv({_list(files)}, auto_detect = false, header = false, skip = {header.lines}, ignore_errors = true, "
        f"delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.escape or dialect.quote)}, "
        f"nullstr = {literals(dialect.null_values)}, compression = {literal('gzip' if is_gzip else 'none')}, "
        f"max_line_size = {MAX_LINE_BYTES}, columns = {{{columns}}})"
    )


def _column(name: str, header: Header, contract: SourceContract) -> str:
    return ident(name) if contract.format == "parquet" else f"c{header.names.index(name)}"


def _json_path(key: str) -> str:
    return '$."' + key.replace('"', '\\"') + '"'


def _json(contract: SourceContract, files: list[Path]) -> str:
    values = ", ".join(
        f"json_extract_string(json, {literal(_json_path(c.source_name))}) as {ident(c.name)}"
        for c in contract.source_columns
    )
    groups: dict[bool, list[Path]] = {}
    for file in files:
        groups.setdefault(is_gzip(file), []).append(file)
    return " union all ".join(
        f"select {values} from read_json_objects({_list(group)}, format = 'newline_delimited', "
        f"ignore_errors = true, compression = {literal('gzip' if packed else 'uncompressed')}) "
        "where json is not null"
        for packed, group in groups.items()
    )


def landed_select(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, files: Sequence[Path], scratch: Path
) -> str:
    """A SELECT of the contract's source columns as text.

    It also notes in the temporary table `landed_without(dataset, path, column_name)` which file lacks which
    column.
    A key of a JSON object may be left out, so JSON Lines lack no column; their required values are checked.

    Args:
        connection: Where the SELECT will run.
        contract: The dataset's contract.
        files: The landed files.
        scratch: An empty folder for copies in UTF-8; it must stay until the SELECT has run.

    Raises:
        LandingError: A file cannot be read at all.
    """
    connection.execute(
        "create temp table if not exists landed_without (dataset varchar, path varchar, column_name varchar)"
    )
    empty = (
        "select "
        + ", ".join(f"cast(null as varchar) as {ident(c.name)}" for c in contract.source_columns)
        + " where false"
    )
    try:
        if not files:
            return empty
        if contract.format == "jsonl":
            return _json(contract, [_readable(f, contract, scratch) for f in _spread(files)])
        read = set(_spread(files))
        groups: dict[tuple[Header, bool], list[Path]] = {}
        for file in files:
            header = _header(file, contract)
            wanted = contract.as_in(header.names).source_columns
            lacking = [c.source_name for c in wanted if c.source_name not in header.names]
            if lacking:
                connection.executemany(
                    "insert into landed_without values (?, ?, ?)",
                    [[contract.name, str(file), n] for n in lacking],
                )
            if file in read and header.names:
                readable = _readable(file, contract, scratch, skip=0 if header.is_plain else header.lines)
                header = header if header.is_plain else replace(header, lines=0, is_plain=True)
                packed = contract.format == "csv" and is_gzip(readable)
                groups.setdefault((header, packed), []).append(readable)
    except (OSError, EOFError, UnicodeError, zlib.error, pa.ArrowException) as error:
        raise LandingError(
            f"{contract.path}: the landed files of {contract.name} cannot be read: {error}"
        ) from error
    if not groups:
        return empty
    selects = []
    for (header, packed), group in groups.items():
        names = {
            c.name: _column(c.source_name, header, contract) if c.source_name in header.names else "null"
            for c in contract.source_columns
        }
        values = ", ".join(f"cast({value} as varchar) as {ident(name)}" for name, value in names.items())
        relation = (
            f"read_parquet({_list(group)}, hive_partitioning = false)"
            if contract.format == "parquet"
            else _csv(contract, header, group, is_gzip=packed)
        )
        selects.append(f"select {values} from {relation}")
    return " union all ".join(selects)
