"""Look at a landing file before it is loaded: is it whole, readable, and of its contract's shape?

A file that is not is refused with one sentence that names the file, what was expected and what was found.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import re
import stat
import zlib
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import FileRefusedError, LandingError
from pipelines.land.discover import LandingFile

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import Column, SourceContract

CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_SAMPLE_LINES = 1000
_HEADER_LINES = 20
"""A header may hold line breaks within quotes; no more than these lines are tried."""
_HEADER_CHARACTERS = 1 << 20
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Inspected:
    """A landing file that is what its contract says."""

    file: LandingFile
    size_bytes: int
    sha256: str
    is_gzip: bool
    header: tuple[str, ...]
    """Source column names as they stand in the file."""
    rows: int
    """Rows by physical count: lines for text (a quoted line break counts extra), the footer's count for Parquet."""
    drift: tuple[str, ...] = ()
    """Columns that the contract does not know."""
    types: dict[str, str] = field(default_factory=dict)
    """Parquet only: kind of each column (text, integer, number, boolean, date, timestamp, timestamptz)."""
    schema: str = ""
    """Parquet only: the exact types; only files with the same ones are read at once."""
    fitting: frozenset[str] = frozenset()
    """Parquet only: number columns whose type cannot hold more than the contract's; they need no check."""
    needs_care: bool = False
    """CSV only: it has blanks beside quotes, which DuckDB's reader drops and the careful way keeps."""

    @property
    def file_id(self) -> str:
        """Short id of this file with this content at this date."""
        basis = f"{self.file.dataset}|{self.file.partition_date}|{self.file.path}|{self.sha256}"
        return hashlib.sha256(basis.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def refuse(path: Path, expected: str, found: str) -> FileRefusedError:
    """The one sentence with which a file is refused whole."""
    return FileRefusedError(f"{path}: refused: expected {expected}, found {found}")


def _open_bytes(path: Path, *, is_gzip: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_gzip else path.open("rb")


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a (gzipped) text file for strict reading, line ends untouched, a byte order mark dropped."""
    with path.open("rb") as probe:
        is_gzip = probe.read(2) == _GZIP_MAGIC
    binary = _open_bytes(path, is_gzip=is_gzip)
    stream = io.TextIOWrapper(binary, encoding=encoding, errors="strict", newline="")
    if stream.read(1) != "\ufeff":
        stream.seek(0)
    return stream


def inspect(file: LandingFile, contract: SourceContract) -> Inspected:
    """Check one file against its contract.

    Raises:
        LandingError: the file is refused: empty, truncated, undecodable, or of another format, header or schema.
    """
    try:
        status = file.path.stat()
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise refuse(
                file.path,
                f"a {contract.format} file",
                "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file",
            )
        if size == 0:
            raise refuse(file.path, f"a {contract.format} file", "an empty file (0 bytes)")
        if contract.format == "parquet":
            return _inspect_parquet(file, contract, size)
        return _inspect_text(file, contract, size)
    except OSError as error:
        raise LandingError(
            f"{file.path}: cannot be read: {error.strerror or error}; check the file and its rights"
        ) from error


def _inspect_text(file: LandingFile, contract: SourceContract, size: int) -> Inspected:
    with file.path.open("rb") as probe:
        is_gzip = probe.read(2) == _GZIP_MAGIC
    lines, needs_care = _scan_text(file.path, contract, is_gzip=is_gzip)
    with open_text(file.path, contract.dialect.encoding) as stream:
        names = (
            _csv_header(file.path, stream, contract)
            if contract.format == "csv"
            else _json_keys(file.path, stream, contract)
        )
    wanted = {column.source_name for column in contract.source_columns}
    return Inspected(
        file=file,
        size_bytes=size,
        sha256=file_sha256(file.path),
        is_gzip=is_gzip,
        header=names,
        rows=max(lines - 1, 0) if contract.format == "csv" else lines,
        drift=tuple(name for name in names if name not in wanted),
        needs_care=needs_care,
    )


def _scan_text(path: Path, contract: SourceContract, *, is_gzip: bool) -> tuple[int, bool]:
    """Read a text file once: it must inflate and decode to the last byte.

    Returns its number of lines, and whether it is CSV with blanks beside quotes.
    """
    encoding, is_csv = contract.dialect.encoding, contract.format == "csv"
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    is_ascii_superset = not codecs.lookup(encoding).name.startswith(
        ("utf-16", "utf-32", "utf-7", "iso2022", "hz")
    )
    quote, mark = contract.dialect.quote.encode(), re.escape(contract.dialect.quote.encode())
    edge = rb"(?:^|$|[\r\n]|%b)" % re.escape(contract.dialect.delimiter.encode())
    beside = re.compile(rb"%b[ \t]+%b|%b[ \t]+%b" % (edge, mark, mark, edge))
    needs_care, tail = False, b""
    lines, last, offset, is_half_character = 0, b"\n", 0, False
    stream = _open_bytes(path, is_gzip=is_gzip)
    with stream:
        while data := _read(path, stream):
            if is_ascii_superset and b"\0" in data:
                raise refuse(
                    path, f"text in {encoding}", f"NUL bytes after byte {offset} (UTF-16, or no text at all?)"
                )
            if is_half_character or not (is_ascii_superset and data.isascii()):
                try:
                    if "\0" in decoder.decode(data):
                        raise refuse(path, f"text in {encoding}", f"NUL characters after byte {offset}")
                except UnicodeDecodeError as error:
                    # Half a character of the chunk before stands in front of this one.
                    start = max(error.start - (len(error.object) - len(data)), 0)
                    bad = error.object[error.start : error.start + 4].hex(" ")
                    line = lines + data[:start].count(b"\n") + 1
                    raise refuse(
                        path, f"text in {encoding}", f"bytes that are none ({bad}) on line {line}"
                    ) from error
                except UnicodeError as error:
                    raise refuse(path, f"text in {encoding}", f"bytes that are none ({error})") from error
                is_half_character = decoder.getstate()[0] != b""
            if is_csv and not needs_care and quote in data:
                needs_care = beside.search(tail + data) is not None
            tail = data[-256:]
            lines += data.count(b"\n")
            offset += len(data)
            last = data[-1:]
    if is_half_character:
        raise refuse(path, f"text in {encoding}", "half a character at the end (a truncated file?)")
    if offset == 0:
        raise refuse(path, "text", "an empty file inside the gzip")
    return lines + (last != b"\n"), needs_care


def _read(path: Path, stream: IO[bytes]) -> bytes:
    try:
        return stream.read(CHUNK)
    except EOFError as error:
        raise refuse(path, "a complete gzip file", "a truncated one (it ends in the middle)") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise refuse(path, "a sound gzip file", f"a damaged one ({error})") from error


def _csv_header(path: Path, stream: IO[str], contract: SourceContract) -> tuple[str, ...]:
    dialect = contract.dialect
    text = stream.readline(_HEADER_CHARACTERS)
    try:
        lines = [text, *islice(stream, _HEADER_LINES)] if text.count(dialect.quote) % 2 else [text]
        found = next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote), [])
    except csv.Error as error:
        raise refuse(path, "a CSV header", f"{text[:80]!r} ({error})") from error
    while found and not found[-1]:
        found.pop()  # some exports end each line with a delimiter
    wanted = list(dict.fromkeys(column.source_name for column in contract.source_columns))
    missing = [name for name in wanted if name not in found]
    if not missing:
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise refuse(
                path, "each column once in the header", f"{', '.join(map(repr, twice))} more than once"
            )
        return tuple(found)
    if text.lstrip().startswith("<"):
        raise refuse(path, f"CSV with the columns {', '.join(wanted)}", "an HTML or XML page")
    for other in ";\t|,":
        if other != dialect.delimiter and text.count(other) >= len(found):
            raise refuse(
                path,
                f"fields delimited by {dialect.delimiter!r}",
                f"a header delimited by {other!r}: {text.strip()[:120]!r}",
            )
    if len(missing) == len(wanted):
        raise refuse(
            path,
            f"a header with the columns {', '.join(wanted)}",
            f"no such header but the line {text.strip()[:120]!r}",
        )
    raise refuse(
        path,
        f"the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
        f"a header with {', '.join(found)}",
    )


def _json_keys(path: Path, stream: IO[str], contract: SourceContract) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    objects = 0
    for number, line in enumerate(stream, start=1):
        if number > _SAMPLE_LINES:
            break
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            objects += 1
            keys.update(dict.fromkeys(row))
        elif line.lstrip().startswith("<") and not objects:
            raise refuse(path, "JSON Lines", "an HTML or XML page")
    if not objects:
        raise refuse(path, "JSON Lines (one object a line)", "no JSON object in the file's first lines")
    missing = [c.source_name for c in contract.source_columns if c.required and c.source_name not in keys]
    if missing:
        raise refuse(
            path, f"the key{'s' * (len(missing) > 1)} {', '.join(missing)}", f"objects with {', '.join(keys)}"
        )
    return tuple(keys)


def _parquet_kind(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return _parquet_kind(type_.value_type)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_) or (pa.types.is_decimal(type_) and type_.scale == 0):
        return "integer"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_timestamp(type_):
        return "timestamptz" if type_.tz else "timestamp"
    if pa.types.is_null(type_):
        return "text"
    return str(type_)


_PARQUET_FITS = {
    # A number that may have decimals makes no text: 17 would become 17.0, another id.
    "VARCHAR": {"text", "integer"},
    "BOOLEAN": {"boolean", "text"},
    "INTEGER": {"integer", "number", "text"},
    "BIGINT": {"integer", "number", "text"},
    "DOUBLE": {"integer", "number", "text"},
    "DECIMAL": {"integer", "number", "text"},
    "DATE": {"date", "timestamp", "text"},
    "TIMESTAMP": {"timestamp", "timestamptz", "text"},
}


def parquet_fits(column: Column, kind: str) -> bool:
    """Whether a Parquet column of that kind can hold the contract's column without a guess."""
    return kind in _PARQUET_FITS[column.type.partition("(")[0]]


_INTEGER_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


def _digits_fit(column: Column, type_: pa.DataType) -> bool:
    """Whether every number of the Parquet type is one of the contract's type, digit for digit."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", column.type)
    if pa.types.is_integer(type_):
        if column.type in ("INTEGER", "BIGINT"):
            bits = type_.bit_width + pa.types.is_unsigned_integer(type_)
            return bool(bits <= (32 if column.type == "INTEGER" else 64))
        return decimal is not None and _INTEGER_DIGITS[type_.bit_width] <= int(decimal[1]) - int(decimal[2])
    if pa.types.is_decimal(type_) and decimal is not None:
        precision, scale = int(decimal[1]), int(decimal[2])
        return bool(0 <= type_.scale <= scale and type_.precision - type_.scale <= precision - scale)
    return False


def _inspect_parquet(file: LandingFile, contract: SourceContract, size: int) -> Inspected:
    try:
        with pq.ParquetFile(file.path) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        with file.path.open("rb") as stream:
            start = stream.read(64)
        found = (
            "an HTML or XML page"
            if start.lstrip().startswith(b"<")
            else f"a file that is none or damaged ({str(error).splitlines()[0]})"
        )
        raise refuse(file.path, "a Parquet file", found) from error
    types = {field_.name: _parquet_kind(field_.type) for field_ in schema}
    missing = list(
        dict.fromkeys(c.source_name for c in contract.source_columns if c.source_name not in types)
    )
    folded = [name.casefold() for name in schema.names]
    twice = [c.source_name for c in contract.source_columns if folded.count(c.source_name.casefold()) > 1]
    if twice:
        raise refuse(
            file.path,
            "each column once in the schema",
            f"{', '.join(map(repr, twice))} more than once (case aside)",
        )
    if missing:
        raise refuse(
            file.path,
            f"the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            f"a Parquet schema with {', '.join(types)}",
        )
    for column in contract.source_columns:
        kind = types[column.source_name]
        if not parquet_fits(column, kind):
            raise refuse(file.path, f"column {column.source_name} as {column.type}", f"it as {kind}")
    wanted = {column.source_name for column in contract.source_columns}
    return Inspected(
        file=file,
        size_bytes=size,
        sha256=file_sha256(file.path),
        is_gzip=False,
        header=tuple(types),
        rows=rows,
        drift=tuple(name for name in types if name not in wanted),
        types=types,
        schema=str(list(schema.types)),
        fitting=frozenset(
            c.source_name for c in contract.source_columns if _digits_fit(c, schema.field(c.source_name).type)
        ),
    )
