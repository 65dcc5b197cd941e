"""Rows of a query as a table, CSV, JSON or Markdown; all but the table are written while they are read."""

from __future__ import annotations

import csv
import json
import math
import sys
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelines.cli.common import out
from pipelines.cli.console import harmless_json
from pipelines.cli.tables import Listing
from pipelines.quoting import ident
from pipelines.showing import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_BATCH = 1_000
_NUMBERS = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
            "uhugeint", "float", "double", "decimal"}  # fmt: skip
_OWN_IN_JSON = (_NUMBERS - {"decimal"}) | {"boolean", "list", "array", "struct", "map"}
"""Types that JSON has as well; of all others, amounts and dates among them, it gets the text."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def write_rows(relation: duckdb.DuckDBPyRelation, form: Format, limit: int | None) -> bool:
    """Write a relation's rows to standard output, at most so many. Returns whether there are more."""
    wanted = relation if limit is None else relation.limit(limit + 1)
    read = _Rows(_as_text(wanted, form), limit)
    {
        Format.TABLE: _write_table,
        Format.CSV: _write_csv,
        Format.JSON: _write_json,
        Format.MARKDOWN: _write_markdown,
    }[form](relation, read)
    return read.are_cut


def _as_text(relation: duckdb.DuckDBPyRelation, form: Format) -> duckdb.DuckDBPyRelation:
    """Values as DuckDB writes them, not as Python would: no `Decimal('1.50')`, no `datetime.date(…)`."""
    kept = _OWN_IN_JSON if form == Format.JSON else set()
    return relation.project(
        ", ".join(
            ident(name) if type_.id in kept else f"CAST({ident(name)} AS VARCHAR) AS {ident(name)}"
            for name, type_ in zip(relation.columns, relation.types, strict=True)
        )
    )


class _Rows:
    """The rows one by one, read in batches, and after the last whether the limit has cut any."""

    def __init__(self, relation: duckdb.DuckDBPyRelation, limit: int | None) -> None:
        self._relation = relation
        self._left = math.inf if limit is None else limit
        self.are_cut = False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while batch := self._relation.fetchmany(_BATCH):
            for row in batch:
                if self._left <= 0:
                    self.are_cut = True
                    return
                self._left -= 1
                yield row


def as_table(relation: duckdb.DuckDBPyRelation, title: str) -> Listing:
    """All rows of a small relation, to be shown."""
    table = _empty_table(relation, title)
    for row in _as_text(relation, Format.TABLE).fetchall():
        _add(table, row)
    return table


def as_records(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """All rows of a small relation, for JSON."""
    return [_record(relation, row) for row in _as_text(relation, Format.JSON).fetchall()]


def _empty_table(relation: duckdb.DuckDBPyRelation, title: str | None = None) -> Listing:
    columns = list(zip(relation.columns, relation.types, strict=True))
    return Listing(title, relation.columns, {name for name, type_ in columns if type_.id in _NUMBERS})


def _add(table: Listing, row: tuple[Any, ...]) -> None:
    table.add(*("" if cell is None else cell for cell in row))


def _write_table(relation: duckdb.DuckDBPyRelation, rows: _Rows) -> None:
    """Tables of a thousand rows each, as none can be drawn before its rows are known."""
    table, shown = _empty_table(relation), 0
    for row in rows:
        _add(table, row)
        shown += 1
        if len(table.rows) == _BATCH:
            out.print(table)
            table = _empty_table(relation)
    if table.rows or not shown:
        out.print(table)
    out.print(f"{shown:,} row{'' if shown == 1 else 's'}")


def _write_csv(relation: duckdb.DuckDBPyRelation, rows: _Rows) -> None:
    writer = csv.writer(_Harmless(), lineterminator="\n")
    writer.writerows(chain([relation.columns], rows))


def _write_json(relation: duckdb.DuckDBPyRelation, rows: _Rows) -> None:
    separator = "[\n"
    for row in rows:
        text = json.dumps(_record(relation, row), default=str, ensure_ascii=False)
        sys.stdout.write(separator + harmless_json(text))
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _record(relation: duckdb.DuckDBPyRelation, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(relation.columns, map(_finite, row), strict=True))


def _finite(value: Any) -> Any:
    """JSON has neither infinity nor not-a-number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_markdown(relation: duckdb.DuckDBPyRelation, rows: _Rows) -> None:
    ends = ["---:" if type_.id in _NUMBERS else "---" for type_ in relation.types]
    target = _Harmless()
    for row in chain([relation.columns, ends], rows):
        target.write(f"| {' | '.join(map(_markdown, row))} |\n")


def _markdown(cell: str | None) -> str:
    return (cell or "").replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")


class _Harmless:
    """Standard output: a file gets all as it is, a terminal nothing that it would obey."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()

    def write(self, text: str) -> int:
        return sys.stdout.write(visible(text, "\n\t\u3000") if self._is_terminal else text)
