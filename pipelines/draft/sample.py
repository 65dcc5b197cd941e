"""Reads a sample file of unknown make: its format, encoding, delimiter and rows, each value as the text it is."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from pipelines.errors import LandingError
from pipelines.land.first_bytes import SAMPLE_BYTES, foreign_kind
from pipelines.land.opening import GZIP_MAGIC, open_bytes
from pipelines.quoting import file_literal

ROWS = 20_000
"""Rows that are looked at."""
_BYTES = 16 << 20
_SHORT = 4_000
"""Bytes at the start that must be Chinese throughout for a file to be taken for Chinese."""
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Sample:
    """The first rows of a file. A row is one text a column; None where a JSON object lacks the key or holds null."""

    format: str  # csv | jsonl | parquet
    names: tuple[str, ...]
    rows: list[tuple[str | None, ...]]
    types: tuple[str, ...] | None = None
    """Parquet's own, by column."""
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    preamble: int = 0
    """Lines before the header."""

    def values(self, place: int) -> list[str]:
        """What stands in a column, nothing left out but what is null."""
        return [value for row in self.rows if (value := row[place]) is not None]


def read_sample(path: Path) -> Sample:
    """Look at a file.

    Raises:
        LandingError: it is missing, empty, or of a kind that Mainstay does not load; the text says the way out.
    """
    try:
        with open_bytes(path) as stream:
            data = stream.read(_BYTES)
    except OSError as error:
        raise LandingError(
            f"{path}: cannot be read: {error.strerror or error}; name a file of your export"
        ) from error
    if data.startswith(b"PAR1"):
        return _parquet(path)
    if data.startswith(GZIP_MAGIC):
        try:
            # The start of a file that was cut is a sample too.
            data = zlib.decompressobj(wbits=31).decompress(data, _BYTES)
        except zlib.error as error:
            raise LandingError(f"{path}: is a damaged gzip file ({error}); write it again") from error
    if (kind := foreign_kind(path, data[:SAMPLE_BYTES], "csv")) is not None:
        raise LandingError(f"{path}: is {kind}")
    if not data.strip():
        raise LandingError(f"{path}: is empty; draft from a file with some rows")
    encoding = _encoding(path, data)
    text = data.decode(encoding, errors="ignore").removeprefix("\ufeff")  # the cut may halve a character
    if "\0" in text:
        raise LandingError(
            f"{path}: is no text, as NUL characters are in it; export it as CSV in UTF-8, and draft from that"
        )
    if len(data) >= _BYTES:
        text = text[: text.rfind("\n") + 1]
    if text.lstrip().startswith("{"):
        return _json_lines(path, text, encoding)
    return _csv(path, text, encoding)


def _encoding(path: Path, data: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return encoding
    try:
        data[:-4].decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if error.start > len(data) - 8:
            return "utf-8"
    if _may_be_chinese(data[:_SHORT]):
        return "gb18030"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:500_000]).best()
    if best is None:
        raise LandingError(f"{path}: is no text in any known encoding; export it as CSV in UTF-8")
    # The larger sets hold the smaller ones, and exports use more than the smaller ones have.
    return {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "latin_1": "cp1252"}.get(
        best.encoding, best.encoding.replace("_", "-")
    )


def _may_be_chinese(data: bytes) -> bool:
    """Whether all that is not ASCII would be Chinese: marks, or the characters in daily use that GB 2312 has first.

    In few words encodings cannot be told apart: bytes of Korean and Chinese are the same. Chinese exports are what we see.
    """
    text = data.decode("gb18030", errors="ignore")
    foreign = [c.encode("gb2312", errors="replace") for c in text if not c.isascii()]
    usual = sum(len(c) == 2 and 0xA1 <= c[0] <= 0xD7 for c in foreign)
    return usual == len(foreign) > 0


def _csv(path: Path, text: str, encoding: str) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "sample.csv"
        copy.write_text(text, encoding="utf-8", newline="")
        try:
            with duckdb.connect() as connection:
                found = connection.execute(
                    "SELECT Delimiter, Quote, SkipRows, HasHeader FROM sniff_csv(?, sample_size => ?)",
                    [str(copy), ROWS],
                ).fetchone()
        except duckdb.Error:
            found = None
    if found is None:
        raise LandingError(f"{path}: is no table of rows and columns; name a CSV, JSON Lines or Parquet file")
    delimiter, quote, preamble, has_header = found
    quote = '"' if quote in ("(empty)", "", "\0") else quote
    lines = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter if len(delimiter) == 1 else ",", quotechar=quote
    )
    try:
        rows = [row for row in islice(lines, preamble, preamble + ROWS + 1) if row]
    except csv.Error as error:
        raise LandingError(f"{path}: line {lines.line_num} is no CSV ({error}); mend the file") from error
    if not rows:
        raise LandingError(f"{path}: has no rows; draft from a file with some")
    width = len(rows[0])
    has_header = has_header and not any(_is_figure(cell) for cell in rows[0])
    if has_header:
        names, rows = rows[0], rows[1:]
        while names and not names[-1]:  # each line ends with a delimiter
            names, width = names[:-1], width - 1
    else:
        names = [f"column_{n + 1}" for n in range(width)]
    whole: list[tuple[str | None, ...]] = [tuple(row[:width]) for row in rows if len(row) >= width]
    return Sample("csv", tuple(names), whole, None, encoding, delimiter, quote, has_header, preamble)


def _is_figure(cell: str) -> bool:
    digits = sum(c.isdigit() for c in cell)
    return digits > 0 and all(c.isdigit() or c in " .,:/+-" for c in cell)


def _json_lines(path: Path, text: str, encoding: str) -> Sample:
    objects = []
    for number, line in enumerate(islice(text.splitlines(), ROWS), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LandingError(
                f"{path}: line {number} is no JSON object; JSON Lines have one object a line, so a JSON array must be "
                "written as lines first"
            ) from error
        if isinstance(row, dict):
            objects.append(row)
    names = list(dict.fromkeys(name for row in objects for name in row))
    if not names:
        raise LandingError(f"{path}: has no JSON object with keys; draft from a file with some rows")
    rows = [tuple(_text(row.get(name)) for name in names) for row in objects]
    return Sample("jsonl", tuple(names), rows, None, encoding)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _parquet(path: Path) -> Sample:
    try:
        with duckdb.connect() as connection:
            table = connection.execute(f"SELECT * FROM read_parquet({file_literal(path)}) LIMIT {ROWS}")
            columns = table.description or []
            rows = [tuple(None if v is None else str(v) for v in row) for row in table.fetchall()]
    except duckdb.Error as error:
        raise LandingError(f"{path}: is a damaged Parquet file; write it again") from error
    return Sample("parquet", tuple(str(c[0]) for c in columns), rows, tuple(str(c[1]) for c in columns))
