"""Find a CSV file's header, or take the contract's word for it, and refuse a file whose header is another's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING

from pipelines.land.inspected import names_shown, refuse
from pipelines.land.records import Record, Records
from pipelines.land.wording import almost, called
from pipelines.showing import shown

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import SourceContract

_LOOK_AHEAD = 30
"""Lines that are searched for a header that does not stand where the contract says."""
_LINE_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class Header:
    """What stands above the rows of a CSV file."""

    names: tuple[str, ...]
    """The columns' names, empty ones at the end left out."""
    width: int
    """Its fields, empty ones at the end included."""
    lines: int
    """Physical lines down to its end; the first row follows."""
    is_plain: bool = True
    """Whether a reader that counts lines finds the first row: no quote above the header, no line break in it."""


def read_header(path: Path, stream: IO[str], contract: SourceContract) -> Header:
    """The header of a CSV file whose text `stream` gives from its beginning.

    Raises:
        FileRefusedError: there is none, or not all of the contract's columns are in it.
    """
    records = Records(_bounded(stream), contract.dialect)
    header, record = _found(path, records, contract)
    if not contract.dialect.columns:
        _check(path, record, list(header.names), records, contract)
    return header


def peek_header(path: Path, stream: IO[str], contract: SourceContract) -> Header:
    """The same, whatever the columns are called."""
    return _found(path, Records(_bounded(stream), contract.dialect), contract)[0]


def _found(path: Path, records: Records, contract: SourceContract) -> tuple[Header, Record | None]:
    dialect = contract.dialect
    above = records.skip(dialect.skip_lines)
    if len(above) < dialect.skip_lines:
        raise refuse(
            path, f"{dialect.skip_lines} lines above the rows (skipLines)", f"a file of {len(above)} lines"
        )
    record = None if dialect.columns else records.read()
    fields = list(dialect.columns) or (list(record.fields) if record is not None else [])
    width = len(fields)
    while fields and not fields[-1]:
        fields.pop()  # some exports end each line with a delimiter
    is_plain = (
        not (dialect.quote and any(dialect.quote in line for line in above))
        and records.number == len(above) + (record is not None)
        and not any(line.endswith("\r") for line in (*above, records.last_line))
    )
    return Header(tuple(fields), width, records.number, is_plain), record


def _bounded(stream: IO[str]) -> IO[str]:
    """The stream's lines; one without an end is not read whole."""
    return iter(lambda: stream.readline(_LINE_CHARACTERS), "")  # type: ignore[return-value]


def _check(
    path: Path, record: Record | None, fields: list[str], records: Records, contract: SourceContract
) -> None:
    wanted = list(dict.fromkeys(column.source_name for column in contract.as_in(fields).source_columns))
    missing = [name for name in wanted if name not in fields]
    line = contract.dialect.skip_lines + 1
    if not missing:
        twice = sorted({name for name in fields if fields.count(name) > 1})
        if twice:
            raise refuse(
                path, "each column once in the header", f"{names_shown(twice, contract)} more than once"
            )
        return
    text = record.text if record is not None else ""
    following = list(islice(records, _LOOK_AHEAD))
    if not text.strip() and not any(r.text.strip() for r in following):
        what = "nothing but blank lines" if records.number > line or text else "no line"
        raise refuse(path, f"a header with the columns {called(wanted)}", what)
    if text.lstrip().startswith("<"):
        raise refuse(path, f"CSV with the columns {called(wanted)}", "an HTML or XML page")
    for other in ";\t|,":
        if other == contract.dialect.delimiter:
            continue
        names = [name.strip(f"{contract.dialect.quote} ") for name in text.split(other)]
        if len(set(names) & set(wanted)) > len(set(fields) & set(wanted)):
            raise refuse(
                path,
                f"fields delimited by {contract.dialect.delimiter!r}",
                f"a header delimited by {other!r}: {names_shown(names, contract)}; set the contract's delimiter",
            )
    for below in following:
        if not [name for name in wanted if name not in below.fields]:
            raise refuse(
                path,
                f"a header on line {line}",
                f"it on line {below.line}; set skipLines to {below.line - 1} in the contract",
            )
    if record is not None and record.fault is not None:
        fault = record.fault.removeprefix("the row is no CSV: ")
        raise refuse(path, f"a CSV header on line {line}", f"a line that is none: {fault}")
    if len(missing) == len(wanted):
        what = almost(wanted, fields)
        raise refuse(
            path,
            f"a header with the columns {called(wanted)}",
            f"no such header{_line_shown(text, contract)}{what}",
        )
    raise refuse(
        path,
        f"the column{'s' * (len(missing) > 1)} {called(missing)}",
        f"a header with {names_shown(fields, contract)}{almost(missing, fields)}",
    )


def _line_shown(text: str, contract: SourceContract) -> str:
    """The line where the header should be; it may be a row, whose text is nobody's business where it can be personal."""
    if contract.has_personal:
        return f" but a line of {len(text):,} characters"
    return f" but the line {shown(text.strip(), limit=120)}"
