"""CSV records, strictly: a quote stands around a field or, escaped, inside a quoted one, and nowhere else.

A delimiter that was lost before a quoted text, or a quote that was lost on one side of it, moves fields into
columns that are not theirs. Whoever reads such a record leniently loads it without a word.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.contracts import Dialect

_LONGEST = 16 * 1024 * 1024
"""Characters of one record; a quote that is never closed must not swallow a file."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a CSV file."""

    line: int
    """Number of its first physical line, from 1."""
    text: str
    """As it stands in the file, without its line end."""
    fields: list[str]
    fault: str | None = None
    """Why it is no CSV; there are no fields then."""


class _Fault(Exception):
    """A record is no CSV."""


def without_last(stream: Iterator[str], lines: int) -> Iterator[str]:
    """A stream's physical lines but the last ones; blank lines behind those do not count."""
    held: deque[str] = deque()
    filled = 0
    for line in stream:
        held.append(line)
        filled += bool(line.strip())
        while filled > lines:
            first = held.popleft()
            filled -= bool(first.strip())
            yield first


class Records:
    """Iterates the records of a text stream. Blank lines are none.

    Of a faulty record only its first line is taken, the others come again as records of their own: a stray quote
    must not swallow the rows that follow it.
    """

    def __init__(self, stream: Iterator[str], dialect: Dialect) -> None:
        self.delimiter, self.quote = dialect.delimiter, dialect.quote
        escape = dialect.escape or dialect.quote or '"'
        mark, sign = re.escape(self.quote or '"'), re.escape(escape)
        # The text within quotes: where quotes are doubled each of them takes two; else an escape before a quote or
        # before itself gives that character, and stands for itself elsewhere.
        is_doubled = mark == sign
        self._within = re.compile(
            rf"(?:[^{mark}]|{mark}{mark})*+"
            if is_doubled
            else rf"(?:[^{mark}{sign}]|{sign}[{mark}{sign}]?)*+",
            re.DOTALL,
        )
        self._escaped = re.compile(rf"{mark}({mark})" if is_doubled else rf"{sign}([{mark}{sign}])")
        self._can_escape = escape
        self._stream = stream
        self._ahead: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0
        """Physical lines taken so far."""

    @property
    def last_line(self) -> str:
        """The physical line that was taken last."""
        return self._taken[-1] if self._taken else ""

    def skip(self, lines: int) -> list[str]:
        """Take physical lines as they are; fewer where the file ends."""
        return [line for _ in range(lines) if (line := self._next_line()) is not None]

    def __iter__(self) -> Iterator[Record]:
        while (record := self.read()) is not None:
            if record.text:
                yield record

    def read(self) -> Record | None:
        """The next record, a blank line too; None at the end."""
        self._taken = []
        line = self._next_line()
        if line is None:
            return None
        if not self.quote or self.quote not in line:
            text = line.rstrip("\r\n")
            return Record(self.number, text, text.split(self.delimiter))
        first = self.number
        try:
            fields = self._fields(line)
        except _Fault as fault:
            back = self._taken[1:]
            self._ahead.extendleft(reversed(back))
            self.number -= len(back)
            return Record(first, line.rstrip("\r\n"), [], f"the row is no CSV: {fault}")
        return Record(first, "".join(self._taken).rstrip("\r\n"), fields)

    def _next_line(self) -> str | None:
        line = self._ahead.popleft() if self._ahead else next(self._stream, None)
        if line is not None:
            self.number += 1
            self._taken.append(line)
        return line

    def _fields(self, text: str) -> list[str]:
        fields: list[str] = []
        at, end = 0, len(text.rstrip("\r\n"))
        while True:
            if text.startswith(self.quote, at) and at < end:
                value, text, at = self._quoted(text, at + 1, len(fields) + 1)
                end = len(text.rstrip("\r\n"))
                if at < end and not text.startswith(self.delimiter, at):
                    raise _Fault(f"text behind the closing quote of field {len(fields) + 1}")
            else:
                stop = text.find(self.delimiter, at, end)
                value = text[at : stop if stop >= 0 else end]
                at += len(value)
                if self.quote in value:
                    raise _Fault(f"a quote within the unquoted field {len(fields) + 1}")
            fields.append(value)
            if at >= end:
                return fields
            at += 1  # the delimiter

    def _quoted(self, text: str, at: int, place: int) -> tuple[str, str, int]:
        """The value of a quoted field, the line on which it ends, and where its closing quote ends there."""
        parts: list[str] = []
        size = 0
        while True:
            match = self._within.match(text, at)
            stop = match.end() if match else at
            parts.append(text[at:stop])
            size += stop - at
            if stop < len(text):
                value = "".join(parts)
                if self._can_escape in value:
                    value = self._escaped.sub(r"\1", value)
                return value, text, stop + 1
            following = self._next_line() if size <= _LONGEST else None
            if following is None:
                raise _Fault(f"the quote that opens field {place} is not closed")
            text, at = following, 0


def other_quote(dialect: Dialect) -> str:
    """The quote that people use beside the contract's; none where nothing is quoted, or it is the delimiter."""
    other = "'" if dialect.quote == '"' else '"'
    return other if dialect.quote and other not in (dialect.delimiter, dialect.escape) else ""


def other_quoted(dialect: Dialect) -> re.Pattern[str] | None:
    """What a line holds from where a field begins with the other quote to where one ends with it."""
    other, cut = other_quote(dialect), re.escape(dialect.delimiter)
    return re.compile(rf"{other}(?<=[\n{cut}]{other})[^\r\n]*{other}(?=[{cut}\r\n])") if other else None


def is_quoted_otherwise(record: Record, dialect: Dialect, pattern: re.Pattern[str]) -> bool:
    """Whether a record is in other quotes than the contract's, and so was cut within its texts, or keeps their marks.

    It is, where a field begins with such a quote and a later one ends with it, or where all filled fields do both.
    """
    other = other_quote(dialect)
    if other not in record.text or not pattern.search(f"\n{record.text}\n"):
        return False
    begins = [field.startswith(other) for field in record.fields]
    ends = [field.endswith(other) for field in record.fields]
    whole = [len(f) > 1 and b and e for f, b, e in zip(record.fields, begins, ends, strict=True)]
    filled = [w for f, w in zip(record.fields, whole, strict=True) if f]
    opened = next((i for i, (b, w) in enumerate(zip(begins, whole, strict=True)) if b and not w), None)
    closed = [i for i, (e, w) in enumerate(zip(ends, whole, strict=True)) if e and not w]
    return (len(filled) > 1 and all(filled)) or (opened is not None and any(i > opened for i in closed))


def rows_width(header: int, widths: dict[int, int]) -> int:
    """How many fields a row of a file has: as many as its header, or all alike empty ones more.

    Some exports end each line with a delimiter, and some all lines but the header. A row that alone has an empty field
    too many has an unquoted delimiter further ahead, and its values are in columns that are not theirs.

    Args:
        header: fields of the header, the empty ones at its end included.
        widths: how many rows have so many fields, of rows whose fields beyond the last named column are empty.
    """
    found = [width for width, rows in widths.items() if rows]
    if len(found) == 1 and widths[found[0]] > 1:
        return found[0]
    return header
