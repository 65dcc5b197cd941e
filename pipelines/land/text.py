"""Look at a text file, CSV or JSON Lines: does it inflate and decode to its end, and has it the contract's columns?"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from typing import IO, TYPE_CHECKING

from pipelines.land.first_bytes import SAMPLE_BYTES, foreign_kind
from pipelines.land.header import Header, read_header
from pipelines.land.inspected import Inspected, names_shown, refuse, unknown_columns
from pipelines.land.opening import file_sha256, is_gzip, open_text, open_unpacked
from pipelines.land.scan import Scan
from pipelines.land.wording import called

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.contracts import LandingFile, SourceContract

CHUNK = 1 << 20
_SAMPLE_LINES = 1000
_BYTE_ORDER_MARK = codecs.BOM_UTF8


def inspect_text(file: LandingFile, contract: SourceContract, size: int) -> Inspected:
    """Check a CSV or JSON Lines file of `size` bytes; see `inspect`."""
    path = file.path
    with open_unpacked(path) as stream:
        start = _read(path, stream, SAMPLE_BYTES)
    if not start:
        raise refuse(path, "text", "an empty file inside the gzip")
    kind = foreign_kind(path, start, contract.format)
    if kind is not None:
        raise refuse(path, "CSV" if contract.format == "csv" else "JSON Lines", kind)
    header = _header(path, contract)
    scan = Scan(contract, header) if header is not None else None
    lines, last = 0, b"\n"
    for piece in _utf8(path, contract):
        if scan is not None:
            scan.take(piece)
        else:
            lines, last = lines + piece.count(b"\n"), piece[-1:] or last
    names = header.names if header is not None else _json_keys(path, contract)
    if scan is not None:
        scan.finish()
        _check_width(path, names, scan, contract)
    return Inspected(
        file=file,
        size_bytes=size,
        sha256=file_sha256(path),
        is_gzip=is_gzip(path),
        header=names,
        rows=scan.rows if scan is not None else lines + (last != b"\n"),
        drift=unknown_columns(names, contract),
        needs_care=scan is not None and not scan.is_plain,
        width=scan.width if scan is not None else None,
        header_width=header.width if header is not None else 0,
        lines_above=header.lines if header is not None else 0,
    )


def _header(path: Path, contract: SourceContract) -> Header | None:
    """A CSV file's header. Where its bytes are no text, the look at all of them says where and why."""
    if contract.format != "csv":
        return None
    try:
        with open_text(path, contract.dialect.encoding) as stream:
            return read_header(path, stream, contract)
    except (UnicodeError, EOFError, zlib.error, gzip.BadGzipFile):
        for _ in _utf8(path, contract):
            pass
        raise


def _check_width(path: Path, names: tuple[str, ...], scan: Scan, contract: SourceContract) -> None:
    """A header with a field too many or too few is one fault, not one of each row."""
    if (width := scan.other_width) is not None and contract.dialect.columns:
        raise refuse(
            path,
            f"{len(names)} fields in each row, as servers.columns names them",
            f"{width} in each of {sum(scan.faulty_widths.values()):,} rows; name every field by its place",
        )
    if (width := scan.other_width) is not None:
        raise refuse(
            path,
            "as many fields in the header as in the rows",
            f"{len(names)} in the header and {width} in each of {sum(scan.faulty_widths.values()):,} rows: "
            f"{names_shown(names, contract)}",
        )


def _utf8(path: Path, contract: SourceContract) -> Iterator[bytes]:
    """A text file's content in UTF-8, piece by piece: it must inflate and decode to the last byte."""
    encoding = contract.dialect.encoding
    name = codecs.lookup(encoding).name
    is_utf8 = name in ("utf-8", "utf-8-sig", "ascii")
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    is_ascii_superset = not name.startswith(("utf-16", "utf-32", "utf-7", "iso2022", "hz"))
    lines, offset, is_half_character = 0, 0, False
    with open_unpacked(path) as stream:
        while data := _read(path, stream):
            if is_ascii_superset and b"\0" in data:
                raise refuse(
                    path, f"text in {encoding}", f"NUL bytes after byte {offset} (UTF-16, or no text at all?)"
                )
            piece = data
            if is_half_character or not (is_ascii_superset and data.isascii()):
                try:
                    text = decoder.decode(data)
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
                if "\0" in text:
                    raise refuse(path, f"text in {encoding}", f"NUL characters after byte {offset}")
                is_half_character = decoder.getstate()[0] != b""
                if not is_utf8:
                    piece = text.encode(errors="surrogatepass")
            if offset == 0:
                piece = piece.removeprefix(_BYTE_ORDER_MARK)
            lines += data.count(b"\n")
            offset += len(data)
            yield piece
    if is_half_character:
        raise refuse(path, f"text in {encoding}", "half a character at the end (a truncated file?)")


def _read(path: Path, stream: IO[bytes], size: int = CHUNK) -> bytes:
    try:
        return stream.read(size)
    except EOFError as error:
        raise refuse(path, "a complete gzip file", "a truncated one (it ends in the middle)") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise refuse(path, "a sound gzip file", f"a damaged one ({error})") from error


def _json_keys(path: Path, contract: SourceContract) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    objects = 0
    with open_text(path, contract.dialect.encoding) as stream:
        for number, line in enumerate(stream, start=1):
            if number > _SAMPLE_LINES:
                break
            try:
                row = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                objects += 1
                # A key of half a character is no name; its line is quarantined.
                keys.update(dict.fromkeys(k for k in row if not any("\ud800" <= c <= "\udfff" for c in k)))
            elif line.lstrip().startswith("<") and not objects:
                raise refuse(path, "JSON Lines", "an HTML or XML page")
    if not objects:
        raise refuse(path, "JSON Lines (one object a line)", "no JSON object in the file's first lines")
    missing = [c.source_name for c in contract.source_columns if c.required and c.source_name not in keys]
    if missing:
        raise refuse(
            path,
            f"the key{'s' * (len(missing) > 1)} {called(missing)}",
            f"objects with {names_shown(list(keys), contract)}",
        )
    return tuple(keys)
