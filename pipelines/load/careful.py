"""The careful way to read: row by row as text, with line numbers, so that every bad row can say why it is bad."""

from __future__ import annotations

import csv
import json
import zlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipelines.land.inspected import refuse
from pipelines.land.text import open_text
from pipelines.load.quick import path_literal, zoned_columns
from pipelines.load.relation import Rule, from_parquet, parse, row_rules, source, type_rules, typed
from pipelines.quoting import ident, literal
from pipelines.warehouse.faults import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.contracts import SourceContract
    from pipelines.land import Inspected

BATCH_ROWS = 100_000


class _Lines:
    """Iterates a text stream's lines, remembers those of the present record, and can take lines back."""

    def __init__(self, stream: Iterator[str]) -> None:
        self.stream = stream
        self.taken: list[str] = []
        self.ahead: deque[str] = deque()
        self.number = 0
        """Lines taken so far."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.ahead.popleft() if self.ahead else next(self.stream)
        self.number += 1
        self.taken.append(line)
        return line

    def record(self, *, is_faulty: bool = False) -> tuple[int, str]:
        """First line's number and text of the lines taken since the last call.

        Of a faulty record only its first line is kept, the others come again: a stray quote must not swallow the
        rows that follow it.
        """
        if is_faulty and len(self.taken) > 1:
            back = self.taken[1:]
            self.ahead.extendleft(reversed(back))
            self.number -= len(back)
            self.taken = self.taken[:1]
        first, text = self.number - len(self.taken) + 1, "".join(self.taken).rstrip("\r\n")
        self.taken = []
        return first, text


Row = tuple[int, str, str | None, dict[str, str | None]]
"""Line number, raw text, fault of the whole row, values by source column."""


def _csv_rows(file: Inspected, contract: SourceContract) -> Iterator[Row]:
    dialect, header = contract.dialect, file.header
    with open_text(file.file.path, dialect.encoding) as stream:
        lines = _Lines(stream)
        reader = csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote, doublequote=True, strict=True
        )
        next(reader)
        lines.record()
        while True:
            fault = None
            values: list[str] = []
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = f"the row is no CSV: {error}"
            # Empty fields beyond the last column are no fault: some exports end each line with a delimiter.
            if fault is None and values and (len(values) < len(header) or any(values[len(header) :])):
                fault = f"{len(values)} fields instead of {len(header)}"
            line, text = lines.record(is_faulty=fault is not None)
            if not text:
                continue  # a blank line is no row
            row = (
                {}
                if fault
                else {
                    n: (v if v != dialect.null_value else None) for n, v in zip(header, values, strict=False)
                }
            )
            yield line, text, fault, row


def _json_rows(file: Inspected, contract: SourceContract) -> Iterator[Row]:
    null = contract.dialect.null_value
    with open_text(file.file.path, contract.dialect.encoding) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.rstrip("\r\n")
            if not text.strip():
                continue
            try:
                # Numbers keep their digits as they are written.
                parsed = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
            except (ValueError, RecursionError) as error:
                yield number, text, f"the line is no JSON: {error}", {}
                continue
            if not isinstance(parsed, dict):
                yield number, text, "the line is no JSON object", {}
                continue
            row = {k: _json_text(v, null) for k, v in parsed.items()}
            if "\\u" in text and not _is_text(row):
                yield number, text, "the line has an escape that is half a character", {}
                continue
            yield number, text, None, row


def _is_text(row: dict[str, str | None]) -> bool:
    """Whether all values can be written as UTF-8; JSON can escape half a surrogate pair."""
    try:
        "".join(value for value in row.values() if value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_text(value: Any, null: str) -> str | None:
    if value is None or value == null:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _batches(file: Inspected, contract: SourceContract) -> Iterator[pa.RecordBatch]:
    names = list(dict.fromkeys(c.source_name for c in contract.source_columns))
    schema = pa.schema(
        [("line number", pa.int64()), ("raw text", pa.string()), ("row fault", pa.string())]
        + [(f"field {name}", pa.string()) for name in names]
    )
    rows = _csv_rows(file, contract) if contract.format == "csv" else _json_rows(file, contract)
    columns: list[list[Any]] = [[] for _ in schema]

    def batch() -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
        )

    for line, text, fault, values in rows:
        for column, value in zip(columns, (line, text, fault, *(values.get(n) for n in names)), strict=True):
            column.append(value)
        if len(columns[0]) >= BATCH_ROWS:
            yield batch()
            columns = [[] for _ in schema]
    yield batch()


def _text_relation(connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract) -> None:
    """Fill the temporary table `lines` with the file's rows as text."""
    connection.execute("DROP TABLE IF EXISTS lines")
    created = False
    for batch in _batches(file, contract):
        connection.register("lines_batch", pa.Table.from_batches([batch]))
        connection.execute(
            ("INSERT INTO lines" if created else "CREATE TEMP TABLE lines AS") + " FROM lines_batch"
        )
        connection.unregister("lines_batch")
        created = True


def _parquet_relation(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract
) -> None:
    """The same for Parquet, typed as it stands there: the row's number counts from 1, its raw text is the row as JSON."""
    names = list(dict.fromkeys(c.source_name for c in contract.source_columns))
    every = ", ".join(f"{literal(n)}: {ident(n)}" for n in file.header)
    fields = ", ".join(f"{ident(n)} AS {ident('field ' + n)}" for n in names)
    connection.execute("DROP TABLE IF EXISTS lines")
    connection.execute(
        'CREATE TEMP TABLE lines AS SELECT file_row_number + 1 AS "line number", '
        f'CAST(to_json({{{every}}}) AS VARCHAR) AS "raw text", '
        f'CAST(NULL AS VARCHAR) AS "row fault", {fields} '
        f"FROM read_parquet({path_literal(file.file.path)}, hive_partitioning = false)"
    )


def careful_read(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract, zone: str
) -> int:
    """Read one file into the temporary table `careful`; returns its rows.

    `careful` holds line number, raw text, `row reasons` (empty for a good row), the contract's columns,
    business_date, partition_date and file_id.

    Raises:
        LandingError: the file cannot be read to its end; it was damaged, or changed since it was inspected.
    """
    try:
        (_parquet_relation if contract.format == "parquet" else _text_relation)(connection, file, contract)
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error, duckdb.Error) as error:
        what = said(error, is_personal=contract.has_personal)
        raise refuse(file.file.path, f"a {contract.format} file that can be read to its end", what) from None
    fields, zoned = [], zoned_columns(contract, file)
    source_zone = contract.dialect.timezone or zone
    for column in contract.source_columns:
        field = ident(f"field {column.source_name}")
        text = f"nullif(CAST({field} AS VARCHAR), {literal(contract.dialect.null_value)})"
        kind = file.types.get(column.source_name, "text")
        if kind == "text":
            value = parse(column, text, contract.dialect, source_zone)
        else:
            value = from_parquet(column, field, kind, contract.dialect, cast="TRY_CAST")
        fields += [f"{value} AS {ident(column.name)}", f"{text} AS {source(column)}"]
    day, file_id = literal(str(file.file.partition_date)), literal(file.file_id)
    read = (
        f'(SELECT {", ".join(fields)}, "line number", "raw text", "row fault", DATE {day} AS partition_date, '
        f"{file_id} AS file_id FROM lines)"
    )
    reading = [rule for column in contract.source_columns for rule in type_rules(column)]
    read = f'(SELECT *, {_reasons(reading)} AS "reading reasons" FROM {read})'
    carried = 'partition_date, file_id, "line number", "raw text", "row fault", "reading reasons"'
    rows = typed(_without_failing(contract), zone, read_from=read, kinds=zoned, extra=carried)
    derived = [
        Rule(
            f"(TRY((CAST(({c.expression}) AS {c.type})) IS NULL) IS NOT NULL)",
            literal(f"{c.name}: its expression fails on this row"),
        )
        for c in contract.columns
        if c.expression is not None
    ]
    connection.execute("DROP TABLE IF EXISTS careful")
    connection.execute(
        f'CREATE TEMP TABLE careful AS SELECT *, CASE WHEN "row fault" IS NOT NULL THEN ["row fault"] '
        f'ELSE list_concat("reading reasons", list_filter({_reasons(derived + row_rules(contract))}, '
        # A value that cannot be read has said so; that it is empty now is no further news.
        "lambda reason: NOT list_contains(list_transform(\"reading reasons\", lambda said: split_part(said, ':', 1)), "
        f"split_part(reason, ':', 1)))) END AS \"row reasons\" FROM ({rows})"
    )
    connection.execute("DROP TABLE lines")
    row = connection.execute("SELECT count(*) FROM careful").fetchone()
    return int(row[0]) if row else 0


def _reasons(rules: list[Any]) -> str:
    cases = ", ".join(f"CASE WHEN NOT {rule.condition} THEN {rule.reason} END" for rule in rules)
    return f"list_filter(CAST([{cases}] AS VARCHAR[]), lambda reason: reason IS NOT NULL)"


def _without_failing(contract: SourceContract) -> SourceContract:
    """The contract with derived columns that give NULL instead of stopping where an expression fails."""
    columns = tuple(
        replace(c, expression=f"TRY(CAST(({c.expression}) AS {c.type}))") if c.expression is not None else c
        for c in contract.columns
    )
    return replace(contract, columns=columns)
