"""The rows of a CSV file as text, each with its line, or with what is wrong with its shape."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipelines.land.opening import open_text
from pipelines.land.records import (
    Record,
    Records,
    is_quoted_otherwise,
    other_quoted,
    rows_width,
    without_last,
)
from pipelines.land.scan import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.contracts import SourceContract
    from pipelines.land import Inspected

OTHER_QUOTE = "the row is in another quote than its contract's"
Row = tuple[int, str, str | None, dict[str, str | None]]
"""Line number, raw text, fault of the whole row, values by source column."""


def csv_rows(file: Inspected, contract: SourceContract) -> Iterator[Row]:
    """Every row of the file; one whose shape is wrong has a fault and no values."""
    names, nulls = file.header, contract.dialect.null_values
    width = file.width if file.width is not None else _width(file, contract)
    headers, other = _Headers(file, contract), other_quoted(contract.dialect)
    for record in _records(file, contract):
        fault = (
            record.fault
            or headers.fault(record)
            or shape_fault(record.fields, len(names), width)
            or (OTHER_QUOTE if other and is_quoted_otherwise(record, contract.dialect, other) else None)
        )
        values = (
            {}
            if fault
            else {n: (v if v not in nulls else None) for n, v in zip(names, record.fields, strict=False)}
        )
        yield record.line, record.text, fault, values


def shape_fault(fields: list[str], names: int, width: int) -> str | None:
    """What is wrong with how many fields a row has; None: nothing."""
    if len(fields) != width:
        return f"{len(fields)} fields instead of {width}"
    if any(fields[names:]):
        return f"{len(fields)} fields instead of {width}, the last of them filled"
    return None


def _records(file: Inspected, contract: SourceContract) -> Iterator[Record]:
    with open_text(file.file.path, contract.dialect.encoding) as stream:
        last = contract.dialect.skip_last_lines
        records = Records(without_last(stream, last) if last else stream, contract.dialect)
        records.skip(file.lines_above)
        yield from records


def _width(file: Inspected, contract: SourceContract) -> int:
    """Fields of a good row, where the lines of the file are not its records."""
    widths: Counter[int] = Counter()
    for record in _records(file, contract):
        if record.fault is None and len(record.fields) >= len(file.header):
            widths[len(record.fields)] += not any(record.fields[len(file.header) :])
    return rows_width(file.header_width, widths)


class _Headers:
    """Knows a header that comes again, and that below another one the fields are other columns'."""

    def __init__(self, file: Inspected, contract: SourceContract) -> None:
        self._header = [folded(name) for name in file.header]
        self._wanted = {folded(c.source_name) for c in contract.source_columns}
        self._rarest = max(self._wanted, key=len)
        self._other: int | None = None
        self._same = (
            "a header, where the contract names the columns itself"
            if contract.dialect.columns
            else "the header comes again"
        )

    def fault(self, record: Record) -> str | None:
        """Why a row is no row of this table: it is a header itself, or stands below another one."""
        if self._rarest in record.text.encode().lower():
            fields = [folded(field) for field in record.fields]
            if fields[: len(self._header)] == self._header:
                self._other = None
                return self._same
            if len(self._wanted) > 1 and self._wanted <= set(fields):
                self._other = record.line
                return "another header, with the columns in other places"
        if self._other is not None:
            return f"it stands below another header, on line {self._other}"
        return None
