"""What a file is, by its first bytes: a name that ends in .csv makes no CSV of a workbook."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from pipelines.land.opening import GZIP_MAGIC, open_bytes

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE_BYTES = 512
_WORKBOOK = 'save its sheet as "CSV UTF-8" and land that'
_UNPACK = "unpack it, or pack it with gzip"
_CONVERT = "land the table as CSV, JSON Lines or Parquet"
_KINDS: tuple[tuple[int, bytes, str, str], ...] = (
    # offset, bytes, what it is, the way out
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file, such as an Excel workbook (.xls)",
        _WORKBOOK,
    ),
    (0, b"\x09\x08\x10\x00\x00\x06\x05\x00", "an old Excel sheet (.xls)", _WORKBOOK),
    (0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (0, b"BZh91AY&SY", "a bzip2 archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "an lz4 archive", _UNPACK),
    (0, b"\x1f\x9d", "a compress archive (.Z)", _UNPACK),
    (257, b"ustar", "a tar archive", "land its files one by one, gzipped or not"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", _CONVERT),
    (0, b"\xff\xd8\xff", "a JPEG image", _CONVERT),
    (0, b"GIF87a", "a GIF image", _CONVERT),
    (0, b"GIF89a", "a GIF image", _CONVERT),
    (0, b"II*\x00", "a TIFF image", _CONVERT),
    (0, b"MM\x00*", "a TIFF image", _CONVERT),
    (8, b"WEBP", "a WebP image", _CONVERT),
    (0, b"%PDF-", "a PDF document", _CONVERT),
    (0, b"{\\rtf", "an RTF document", _CONVERT),
    (0, b"ARROW1\x00\x00", "an Arrow or Feather file", _CONVERT),
    (0, b"Obj\x01", "an Avro file", _CONVERT),
    (0, b"SQLite format 3\x00", "an SQLite database", _CONVERT),
    (8, b"DUCK", "a DuckDB database", _CONVERT),
)
_BINARY_ONLY = {b"PAR1": "a Parquet file", b"ORC": "an ORC file"}
"""First bytes that a CSV header could be too; with NUL bytes behind them they are none."""


def foreign_kind(path: Path, start: bytes, expected: str) -> str | None:
    """What a file is that is no text and none of the expected format, with the way out; None: nothing known.

    Args:
        path: the file.
        start: its first `SAMPLE_BYTES`, unpacked where it is gzipped.
        expected: csv, jsonl or parquet.
    """
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zipped(path)
    for offset, magic, kind, way_out in _KINDS:
        if start.startswith(magic, offset):
            return f"{kind}; {way_out}"
    if start.startswith(GZIP_MAGIC):
        return f"gzip within gzip; {_UNPACK}" if expected != "parquet" else "a gzip archive; unpack it"
    for magic, kind in _BINARY_ONLY.items():
        if start.startswith(magic) and b"\0" in start and not (expected == "parquet" and magic == b"PAR1"):
            return (
                f"{kind}; set the contract's format to parquet" if magic == b"PAR1" else f"{kind}; {_CONVERT}"
            )
    return None


def _zipped(path: Path) -> str:
    """A zip archive; workbooks are such ones."""
    names: list[str] = []
    try:
        with open_bytes(path) as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        pass  # cut, or zipped within gzip: it is named by its first bytes all the same
    if any(name.startswith("xl/") for name in names):
        return f"an Excel workbook (.xlsx); {_WORKBOOK}"
    if "content.xml" in names:
        return f"an OpenDocument file, such as a workbook (.ods); {_WORKBOOK}"
    return f"a zip archive; {_UNPACK}"
