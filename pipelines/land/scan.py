"""Look at the shape of a CSV file's rows at the speed of its bytes: where do quotes, delimiters and line ends stand?

What is found to be of one plain shape may be read by DuckDB, whose reader drops blanks beside quotes, joins texts, and
passes over empty fields too many. Whatever else a file holds is read by the one that knows better, record by record.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pipelines.land.records import other_quote, other_quoted, rows_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.contracts import SourceContract
    from pipelines.land.header import Header

_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_LONGEST_LINE = 16 * 1024 * 1024


def folded(text: str) -> bytes:
    """A field as it is compared with a column's name: ASCII case, blanks and a byte order mark aside."""
    return text.strip(" \t\ufeff").encode().lower()


class Scan:
    """Takes a file's text as UTF-8 in pieces; afterwards it knows the shape of the rows."""

    def __init__(self, contract: SourceContract, header: Header) -> None:
        dialect = contract.dialect
        self._header, self._names = header, len(header.names)
        self._to_skip = header.lines
        self._rest = b""
        self._delimiter, self._quote = dialect.delimiter.encode(), dialect.quote.encode()
        self._escape = dialect.escape.encode() or self._quote
        self._probes = _probes(contract)
        self.rows = 0
        """Physical lines below the header."""
        self.is_clear = (
            header.is_plain
            and not dialect.skip_last_lines
            and max(len(self._delimiter), len(self._quote), len(self._escape)) <= 1
        )
        """Whether each line is one record, with quotes where they belong; the shape is not known otherwise."""
        self.has_blank_lines = False
        self.has_header_again = False
        self.has_other_quotes = False
        self._other = other_quote(dialect).encode()
        pattern = other_quoted(dialect)
        self._other_quoted = re.compile(pattern.pattern.encode()) if pattern is not None else None
        self._has_bare_ends = self._has_paired_ends = False
        self.widths: Counter[int] = Counter()
        """Rows by how many fields they have, none of them filled beyond the last named column."""
        self.faulty_widths: Counter[int] = Counter()
        """The other rows."""

    @property
    def width(self) -> int | None:
        """Fields of a row; None where it is not known."""
        return rows_width(self._header.width, self.widths) if self.is_clear else None

    @property
    def is_plain(self) -> bool:
        """Whether a lenient reader finds the same rows and fields as a strict one."""
        return (
            self.is_clear
            and not (
                self.has_blank_lines or self.has_header_again or self.has_other_quotes or self.faulty_widths
            )
            and not (self._has_bare_ends and self._has_paired_ends)
            and set(self.widths) <= {self.width}
        )

    @property
    def other_width(self) -> int | None:
        """How many fields all rows have that none may have; None where they differ, or where it is but one row's fault."""
        if not self.is_clear or self.widths or len(self.faulty_widths) != 1:
            return None
        width, rows = next(iter(self.faulty_widths.items()))
        return width if rows > 1 and width > 1 else None

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > _LONGEST_LINE:
            self.is_clear, self._rest = False, b""
        if end:
            self._look_at_line_ends(data[:end])
            self._lines(data[:end])

    def finish(self) -> None:
        """There is no more."""
        if self._rest:
            self.is_clear = self.is_clear and b"\r" not in self._rest
            self._lines(self._rest + b"\n")
            self._rest = b""

    def _lines(self, block: bytes) -> None:
        while self._to_skip and block:
            block = block[block.find(b"\n") + 1 :]
            self._to_skip -= 1
        if not block:
            return
        text = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(text == _LINE_FEED)
        self.rows += len(ends)
        if self.is_clear:
            self._look_for_headers(block)
            if self._other_quoted is not None and self._other in block and not self.has_other_quotes:
                self.has_other_quotes = self._other_quoted.search(b"\n" + block) is not None
            self.is_clear = self._count(block, text, ends)

    def _look_at_line_ends(self, block: bytes) -> None:
        returns = block.count(b"\r") if b"\r" in block else 0
        paired = block.count(b"\r\n") if returns else 0
        self.is_clear = self.is_clear and returns == paired
        self._has_paired_ends = self._has_paired_ends or paired > 0
        self._has_bare_ends = self._has_bare_ends or paired == 0 or paired < block.count(b"\n")

    def _count(self, block: bytes, text: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
        """Count the lines by their fields; False where a line need not be a record."""
        has_quotes = bool(self._quote) and self._quote in block
        if has_quotes:
            is_doubled = self._escape == self._quote
            if (not is_doubled and self._escape in block) or not self._are_in_place(text, ends):
                return False
        starts = np.concatenate(([0], ends[:-1] + 1))
        stops = ends - ((ends > starts) & (text[ends - 1] == _CARRIAGE_RETURN))
        filled = stops > starts
        if not filled.all():
            self.has_blank_lines = True
            starts, stops = starts[filled], stops[filled]
        if not len(stops):
            return True
        ends_empty = text[stops - 1] == self._delimiter[0]
        if self._header.width == self._names and self.widths[self._names] and not ends_empty.any():
            # Rows are as wide as the header, and none is an empty field wider; DuckDB stops at what else is wrong.
            return True
        is_delimiter = text == self._delimiter[0]
        if has_quotes:
            is_delimiter &= np.cumsum(text == self._quote[0], dtype=np.uint8) % 2 == 0
        widths = np.add.reduceat(is_delimiter, starts, dtype=np.int64) + 1
        beyond = widths - self._names
        fits = beyond == 0
        for extra in np.unique(beyond[(beyond > 0) & ends_empty]):
            rows = np.flatnonzero(beyond == extra)
            back = stops[rows, None] - np.arange(1, extra + 1)
            fits[rows] = (text[back] == self._delimiter[0]).all(axis=1)
        if has_quotes and not fits[beyond > 0].all():
            return False  # a quoted empty field, perhaps
        for counter, counted in ((self.widths, widths[fits]), (self.faulty_widths, widths[~fits])):
            for width, count in zip(*np.unique(counted, return_counts=True), strict=True):
                counter[int(width)] += int(count)
        return True

    def _are_in_place(self, text: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
        """Whether each quote opens or closes a field or is a doubled one, and none is open at a line's end."""
        quotes = np.flatnonzero(text == self._quote[0])
        if len(quotes) % 2 or (np.searchsorted(quotes, ends) % 2).any():
            return False
        edges = [self._delimiter[0], _LINE_FEED, *([self._quote[0]] if self._escape == self._quote else [])]
        before, behind = (
            text[quotes[0::2] - 1],
            text[quotes[1::2] + 1],
        )  # before the first one: the last line's end
        return bool(np.isin(before, edges).all() and np.isin(behind, [*edges, _CARRIAGE_RETURN]).all())

    def _look_for_headers(self, block: bytes) -> None:
        """Look for a line that names every column; a strict reader says whether it is a header."""
        if not self._probes or self.has_header_again:
            return
        small = block.lower()
        rarest = max(self._probes, key=len)
        at = small.find(rarest)
        while at >= 0:
            end = small.find(b"\n", at)
            line = small[small.rfind(b"\n", 0, at) + 1 : end]
            if all(probe in line for probe in self._probes):
                self.has_header_again = True
                return
            at = small.find(rarest, end)


def _probes(contract: SourceContract) -> Sequence[bytes]:
    """Texts that a line with all columns' names has; none where such a line cannot pass for a row anyway."""
    names = [column.source_name for column in contract.source_columns]
    has_numbers = any(c.type not in ("VARCHAR", "BOOLEAN") for c in contract.source_columns)
    if has_numbers and not any(character.isdigit() for name in names for character in name):
        return []  # no name reads as a number or a date, so the row is none
    odd = {"\n", "\r", contract.dialect.quote or "\n", contract.dialect.escape or "\n"}
    return [folded(name) for name in names if not odd & set(name)] or [b""]
