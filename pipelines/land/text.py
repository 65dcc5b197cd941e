"""Look at a text file, CSV or JSON Lines: does it inflate and decode to its end, and has it the contract's columns?"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from itertools import islice
from typing import IO, TYPE_CHECKING, cast

from pipelines.land.inspected import (
    Inspected,
    file_sha256,
    line_shown,
    names_shown,
    refuse,
    unknown_columns,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import LandingFile, SourceContract

CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_SAMPLE_LINES = 1000
_HEADER_LINES = 20
"""A header may hold line breaks within quotes; no more than these lines are tried."""
_HEADER_CHARACTERS = 1 << 20
csv.field_size_limit(2**31 - 1)


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


def inspect_text(file: LandingFile, contract: SourceContract, size: int) -> Inspected:
    """Check a CSV or JSON Lines file of `size` bytes; see `inspect`."""
    with file.path.open("rb") as probe:
        is_gzip = probe.read(2) == _GZIP_MAGIC
    lines, needs_care = _scan_text(file.path, contract, is_gzip=is_gzip)
    with open_text(file.path, contract.dialect.encoding) as stream:
        names = (
            _csv_header(file.path, stream, contract)
            if contract.format == "csv"
            else _json_keys(file.path, stream, contract)
        )
    return Inspected(
        file=file,
        size_bytes=size,
        sha256=file_sha256(file.path),
        is_gzip=is_gzip,
        header=names,
        rows=max(lines - 1, 0) if contract.format == "csv" else lines,
        drift=unknown_columns(names, contract),
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
                    # Of a name in another encoding four bytes are most of it.
                    bad = error.object[error.start : error.start + (1 if contract.has_personal else 4)].hex(
                        " "
                    )
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
        raise refuse(path, "a CSV header", f"{line_shown(text, contract)} ({error})") from error
    while found and not found[-1]:
        found.pop()  # some exports end each line with a delimiter
    wanted = list(dict.fromkeys(column.source_name for column in contract.source_columns))
    missing = [name for name in wanted if name not in found]
    if not missing:
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise refuse(
                path, "each column once in the header", f"{names_shown(twice, contract)} more than once"
            )
        return tuple(found)
    if text.lstrip().startswith("<"):
        raise refuse(path, f"CSV with the columns {', '.join(wanted)}", "an HTML or XML page")
    for other in ";\t|,":
        if other != dialect.delimiter and text.count(other) >= len(found):
            raise refuse(
                path,
                f"fields delimited by {dialect.delimiter!r}",
                f"a header delimited by {other!r}: {line_shown(text, contract)}",
            )
    if len(missing) == len(wanted):
        raise refuse(
            path,
            f"a header with the columns {', '.join(wanted)}",
            f"no such header but the line {line_shown(text, contract)}",
        )
    raise refuse(
        path,
        f"the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
        f"a header with {names_shown(found, contract)}",
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
            path,
            f"the key{'s' * (len(missing) > 1)} {', '.join(missing)}",
            f"objects with {names_shown(list(keys), contract)}",
        )
    return tuple(keys)
