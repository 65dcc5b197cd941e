"""Rows of a query as a table, CSV, JSON or Markdown; all but the table are written while they are read."""

from __future__ import annotations

import csv
import json
import math
import sys
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipelines.cli.common import out
from pipelines.cli.console import harmless_json
from pipelines.cli.tables import Listing
from pipelines.showing import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_BATCH = 1_000
_SIZES = ("tiny", "small", "", "big", "huge")
_NUMBERS = {f"{sign}{size}{'integer' if not size else 'int'}" for sign in ("", "u") for size in _SIZES} | {
    "float",
    "double",
    "decimal",
}


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


class Rows:
    """What a connection was asked last, row by row, read in batches."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limit: int | None = None) -> None:
        self._connection = connection
        self._limit = limit
        described = connection.description or []
        self.names = _each_its_own([name for name, *_ in described])
        self.figures = {
            name for name, (_, kind, *_) in zip(self.names, described, strict=True) if kind.id in _NUMBERS
        }
        self.are_cut = False
        """Once they are read: whether the limit has cut any."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        given = 0
        while batch := self._connection.fetchmany(_BATCH):
            for row in batch:
                if given == self._limit:
                    self.are_cut = True
                    return
                given += 1
                yield row


def _each_its_own(names: list[str]) -> list[str]:
    """The names with a number where there is one before of the same; JSON could hold only one of them."""
    found: list[str] = []
    for name in names:
        number, other = 0, name
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found


def write_rows(rows: Rows, form: Format) -> None:
    """Write all rows to standard output."""
    {
        Format.TABLE: _write_tables,
        Format.CSV: _write_csv,
        Format.JSON: _write_json,
        Format.MARKDOWN: _write_markdown,
    }[form](rows)


def as_table(rows: Rows, title: str | None = None) -> Listing:
    """All rows as one table, to be shown."""
    return Listing(title, rows.names, rows.figures, [tuple(map(in_text, row)) for row in rows])


def as_records(rows: Rows) -> list[dict[str, Any]]:
    """All rows for JSON."""
    return [_record(rows, row) for row in rows]


def in_text(value: Any) -> str:
    """A value as DuckDB writes it; nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case bytes():
            return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02X}" for b in value)
        case dict():
            return f"{{{', '.join(f'{key}: {in_text(part)}' for key, part in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(in_text, value))}]"
    return str(value)


def _write_tables(rows: Rows) -> None:
    """Tables of a thousand rows each, as none can be drawn before its rows are known."""
    table, shown = Listing(None, rows.names, rows.figures), 0
    for row in rows:
        table.add(*map(in_text, row))
        shown += 1
        if len(table.rows) == _BATCH:
            out.print(table)
            table = Listing(None, rows.names, rows.figures)
    if table.rows or not shown:
        out.print(table)
    out.print(f"{shown:,} row{'' if shown == 1 else 's'}")


def _write_csv(rows: Rows) -> None:
    writer = csv.writer(_Target(), lineterminator="\n")
    writer.writerow(rows.names)
    writer.writerows(map(in_text, row) for row in rows)


def _write_markdown(rows: Rows) -> None:
    target = _Target()
    target.write(f"| {' | '.join(map(_markdown, rows.names))} |\n")
    target.write(f"| {' | '.join('---:' if name in rows.figures else '---' for name in rows.names)} |\n")
    for row in rows:
        target.write(f"| {' | '.join(_markdown(in_text(value)) for value in row)} |\n")


def _markdown(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")


def _write_json(rows: Rows) -> None:
    before = "[\n"
    for row in rows:
        text = json.dumps(_record(rows, row), ensure_ascii=False)
        sys.stdout.write(before + harmless_json(text))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _record(rows: Rows, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(rows.names, map(_in_json, row), strict=True))


def _in_json(value: Any) -> Any:
    """The same as a JSON document of other commands: amounts and dates are texts. It has neither infinity nor not-a-number."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): _in_json(part) for key, part in value.items()}
        case list() | tuple():
            return [_in_json(part) for part in value]
    return in_text(value)


class _Target:
    """Standard output: a file gets all as it is, a terminal nothing that it would obey."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()

    def write(self, text: str) -> int:
        return sys.stdout.write(visible(text, "\n\t\u3000") if self._is_terminal else text)
