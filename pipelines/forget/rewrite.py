"""Write a landing file anew without some of its rows, or without some fields of theirs; all other bytes stay.

The new file is written under a hidden name beside it, made durable, and renamed over it: whoever looks sees the old one or the
new one. Rows are known by the numbers that `pipelines.load.careful` gives them.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.land.opening import is_gzip, open_text, open_unpacked
from pipelines.land.records import Records, without_last
from pipelines.publish.files import crash_point
from pipelines.warehouse.durable import fsync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipelines.contracts import Dialect, SourceContract
    from pipelines.land import Inspected

Edits = dict[int, dict[str, str] | None]
"""By row, the texts that source columns get; None: the row goes."""


def scratch_of(path: Path) -> Path:
    """Where a file's new content is written; discovery leaves hidden files alone."""
    return path.with_name(f".{path.name}.erasing")


def rewrite(file: Inspected, contract: SourceContract, edits: Edits) -> None:
    """Write the file anew.

    Raises:
        LandingError: it has changed since it was looked at.
        OSError: the folder cannot be written.
    """
    path = file.file.path.resolve()  # what a link leads to is rewritten, not the link
    scratch = scratch_of(path)
    scratch.unlink(missing_ok=True)
    try:
        if contract.format == "parquet":
            _write_parquet(path, scratch, edits)
        else:
            _write_text(path, scratch, file, contract, edits)
        shutil.copymode(path, scratch)
        fsync(scratch)
        file.require_unchanged()
        crash_point("landing_written")
        scratch.replace(path)
        fsync(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _text_target(path: Path, scratch: Path, encoding: str) -> Iterator[IO[str]]:
    """The new file, packed and with a byte order mark as the old one is. The same rows give the same bytes."""
    with io.TextIOWrapper(open_unpacked(path), encoding=encoding, newline="") as old:
        mark = old.read(1) == "\ufeff"
    with scratch.open("xb") as raw:
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if is_gzip(path) else None
        stream = io.TextIOWrapper(cast("IO[bytes]", packed or raw), encoding=encoding, newline="")
        if mark:
            stream.write("\ufeff")
        yield stream
        stream.detach()  # flushes, and leaves the file open for what packing has to add
        if packed is not None:
            packed.close()


def _write_text(path: Path, scratch: Path, file: Inspected, contract: SourceContract, edits: Edits) -> None:
    spans = (
        _spans(file, contract, edits) if contract.format == "csv" else {line: (line, []) for line in edits}
    )
    with (
        _text_target(path, scratch, contract.dialect.encoding) as target,
        open_text(path, contract.dialect.encoding) as stream,
    ):
        until = 0
        for number, line in enumerate(stream, start=1):
            if number in spans:
                until, fields = spans[number]
                edit = edits[number]
                if edit is not None:
                    end = line[len(line.rstrip("\r\n")) :] or "\n"
                    target.write(
                        _csv_line(fields, file.header, edit, contract.dialect) + end
                        if contract.format == "csv"
                        else json_line(line.rstrip("\r\n"), edit) + end
                    )
            elif number > until:
                target.write(line)


def _spans(file: Inspected, contract: SourceContract, edits: Edits) -> dict[int, tuple[int, list[str]]]:
    """By the first line of each row to be changed, its last line and its fields."""
    found = {}
    with open_text(file.file.path, contract.dialect.encoding) as stream:
        last = contract.dialect.skip_last_lines
        records = Records(without_last(stream, last) if last else stream, contract.dialect)
        records.skip(file.lines_above)
        for record in records:
            if record.line in edits:
                found[record.line] = (records.number, record.fields)
    return found


def _csv_line(fields: list[str], header: tuple[str, ...], edit: Mapping[str, str], dialect: Dialect) -> str:
    given = [edit.get(header[i], field) if i < len(header) else field for i, field in enumerate(fields)]
    return dialect.delimiter.join(_quoted(field, dialect) for field in given)


def _quoted(field: str, dialect: Dialect) -> str:
    quote = dialect.quote
    if not quote or not any(sign in field for sign in (quote, dialect.delimiter, "\r", "\n")):
        return field
    escape = dialect.escape or quote
    text = field if escape == quote else field.replace(escape, escape * 2)
    return quote + text.replace(quote, escape + quote) + quote


def json_line(line: str, edit: Mapping[str, str]) -> str:
    """A JSON object with some values replaced, null for an empty text, and nothing else of it written anew."""
    decoder, done = json.JSONDecoder(), 0
    parts: list[str] = []
    at = line.index("{") + 1
    while True:
        at = _past_blanks(line, at)
        if line[at] == "}":
            return "".join([*parts, line[done:]])
        key, at = decoder.raw_decode(line, at)
        at = _past_blanks(line, _past_blanks(line, at) + 1)  # the colon
        _, end = decoder.raw_decode(line, at)
        if key in edit:
            parts += [line[done:at], json.dumps(edit[key] or None, ensure_ascii=False)]
            done = end
        at = _past_blanks(line, end)
        at += line[at] == ","


def _past_blanks(line: str, at: int) -> int:
    while line[at] in " \t\r\n":
        at += 1
    return at


def _write_parquet(path: Path, scratch: Path, edits: Edits) -> None:
    with pq.ParquetFile(path) as source:
        table, metadata = source.read(), source.metadata
        codec = metadata.row_group(0).column(0).compression if metadata.num_row_groups else "SNAPPY"
    for name in sorted({name for edit in edits.values() if edit for name in edit}):
        new = {row - 1: edit[name] for row, edit in edits.items() if edit and name in edit}
        # None of an optional column that the file does not have, and more than one where a name comes twice.
        for place in table.schema.get_all_field_indices(name):
            filled = _filled(table.column(place), new)
            table = table.set_column(place, pa.field(name, filled.type), filled)
    gone = {row - 1 for row, edit in edits.items() if edit is None}
    kept = pa.array([row not in gone for row in range(table.num_rows)], pa.bool_())
    # What the file says of itself may quote its rows.
    table = table.filter(kept).replace_schema_metadata(None)
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):  # its words would all be written, those of no row too
            words = column.cast(column.type.value_type)
            table = table.set_column(place, pa.field(table.column_names[place], words.type), words)
    pq.write_table(table, scratch, compression="NONE" if codec == "UNCOMPRESSED" else codec)


def _filled(column: pa.ChunkedArray, new: Mapping[int, str]) -> pa.ChunkedArray | pa.Array:
    """A column with the texts that some rows get, no value for an empty one."""
    if not any(new.values()):  # of whatever type it is
        return column.take(pa.array([None if row in new else row for row in range(len(column))], pa.int64()))
    values = column.to_pylist()
    for row, text in new.items():
        values[row] = text or None
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pa.array(values, column.type)
    # A word in the place of a number that was one: the column is one of texts from now on.
    return pa.array([None if v is None else str(v) for v in values], pa.string())
