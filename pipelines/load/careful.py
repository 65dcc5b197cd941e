"""The careful way to read: row by row as text, with line numbers, so that every bad row can say why it is bad."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipelines.contracts.location import file_name
from pipelines.land.inspected import refuse
from pipelines.land.opening import open_text
from pipelines.load.conditions import failing_rules, file_columns, is_one_of, rejecting_rules, without_failing
from pipelines.load.csv_rows import csv_rows
from pipelines.load.json_row import NoRowError, json_row
from pipelines.load.quick import zoned_columns
from pipelines.load.relation import row_rules, source, type_rules, typed
from pipelines.load.values import from_parquet, in_range, null_of, parse
from pipelines.quoting import file_literal, ident, literal
from pipelines.warehouse.faults import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.contracts import SourceContract
    from pipelines.land import Inspected
    from pipelines.load.csv_rows import Row

BATCH_ROWS = 100_000


def _json_rows(file: Inspected, contract: SourceContract) -> Iterator[Row]:
    with open_text(file.file.path, contract.dialect.encoding) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.rstrip("\r\n")
            if not text.strip():
                continue
            try:
                yield number, text, None, json_row(text, contract)
            except NoRowError as fault:
                yield number, text, str(fault), {}


def _batches(file: Inspected, contract: SourceContract) -> Iterator[pa.RecordBatch]:
    names = list(dict.fromkeys(c.source_name for c in contract.source_columns))
    schema = pa.schema(
        [("line number", pa.int64()), ("raw text", pa.string()), ("row fault", pa.string())]
        + [(f"field {name}", pa.string()) for name in names]
    )
    rows = csv_rows(file, contract) if contract.format == "csv" else _json_rows(file, contract)
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
    # The reader's own file_row_number would be a column of that name, where the file has one.
    connection.execute(
        'CREATE TEMP TABLE lines AS SELECT row_number() OVER () AS "line number", '
        f'CAST(to_json({{{every}}}) AS VARCHAR) AS "raw text", '
        f'CAST(NULL AS VARCHAR) AS "row fault", {fields} '
        f"FROM read_parquet({file_literal(file.file.path)}, hive_partitioning = false)"
    )


def careful_read(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract, zone: str
) -> int:
    """Read one file into the temporary table `careful`; returns its rows.

    `careful` holds line number, raw text, `row kind` (good, broken, rejected or ignored), `row reasons`, the contract's
    columns, business_date, partition_date and file_id.

    Raises:
        LandingError: the file cannot be read to its end; it was damaged, or changed since it was inspected.
    """
    if contract.format != "jsonl":  # where each row says itself what it has
        contract = contract.as_in(file.header)
    try:
        (_parquet_relation if contract.format == "parquet" else _text_relation)(connection, file, contract)
    except (OSError, EOFError, zlib.error, UnicodeError, duckdb.Error) as error:
        file.require_unchanged()
        what = said(error, is_personal=contract.has_personal)
        raise refuse(file.file.path, f"a {contract.format} file that can be read to its end", what) from None
    if contract.has_personal:
        # One delimiter too many and one too few, and a person's name stands where the region should be.
        hidden = tuple(replace(c, is_hidden=True) for c in contract.columns)
        contract = replace(contract, columns=hidden)
    fields, zoned = [], zoned_columns(contract, file)
    source_zone = contract.dialect.timezone or zone
    for column in contract.source_columns:
        field = ident(f"field {column.source_name}")
        text = null_of(f"CAST({field} AS VARCHAR)", contract.dialect)
        kind = file.types.get(column.source_name, "text")
        if kind == "text":
            value = parse(column, text, contract.dialect, source_zone)
        else:
            value = from_parquet(column, field, kind, contract.dialect, cast="TRY_CAST")
        fields += [f"{value} AS {ident(column.name)}", f"{text} AS {source(column)}"]
    day, file_id = literal(str(file.file.partition_date)), literal(file.file_id)
    name = literal(file_name(contract.location, file.file.path))
    read = (
        f'(SELECT {", ".join(fields)}, "line number", "raw text", "row fault", DATE {day} AS partition_date, '
        f"{file_id} AS file_id{file_columns(contract, name, ident('line number'))} FROM lines)"
    )
    reading = [
        rule
        for column in contract.source_columns
        for rule in type_rules(column, contract.dialect, source_zone, zoned=zoned[column.name])
    ]
    # Dates and times beyond four-digit years have been named; further on they would overflow.
    far = [ident(c.name) for c in contract.source_columns if c.type in ("DATE", "TIMESTAMP")]
    near = ", ".join(f"CASE WHEN {in_range(name)} THEN {name} END AS {name}" for name in far)
    read = (
        f"(SELECT * {f'REPLACE ({near})' if far else ''} FROM "
        f'(SELECT *, {_reasons(reading)} AS "reading reasons" FROM {read}))'
    )
    carried = 'partition_date, file_id, "line number", "raw text", "row fault", "reading reasons"'
    guarded = without_failing(contract)
    rows = typed(guarded, zone, read_from=read, kinds=zoned, extra=carried)
    rows = (
        f"SELECT *, CASE WHEN \"row fault\" IS NOT NULL THEN NULL WHEN {is_one_of(guarded.ignore_if)} THEN 'ignored' "
        f"WHEN {is_one_of(guarded.reject_if)} THEN 'rejected' END AS \"not ours\" FROM ({rows})"
    )
    rows = (
        f'SELECT *, CASE WHEN "row fault" IS NOT NULL THEN ["row fault"] '
        f"WHEN \"not ours\" = 'ignored' THEN [] WHEN \"not ours\" = 'rejected' THEN {_reasons(rejecting_rules(guarded))} "
        f'ELSE list_concat("reading reasons", list_filter({_reasons(failing_rules(contract) + row_rules(guarded))}, '
        # A value that cannot be read has said so; that it is empty now is no further news.
        "lambda reason: NOT list_contains(list_transform(\"reading reasons\", lambda said: split_part(said, ':', 1)), "
        f"split_part(reason, ':', 1)))) END AS \"row reasons\" FROM ({rows})"
    )
    connection.execute("DROP TABLE IF EXISTS careful")
    connection.execute(
        'CREATE TEMP TABLE careful AS SELECT *, coalesce("not ours", '
        f"CASE WHEN len(\"row reasons\") > 0 THEN 'broken' ELSE 'good' END) AS \"row kind\" FROM ({rows})"
    )
    connection.execute("DROP TABLE lines")
    row = connection.execute("SELECT count(*) FROM careful").fetchone()
    return int(row[0]) if row else 0


def _reasons(rules: list[Any]) -> str:
    cases = ", ".join(f"CASE WHEN NOT {rule.condition} THEN {rule.reason} END" for rule in rules)
    return f"list_filter(CAST([{cases}] AS VARCHAR[]), lambda reason: reason IS NOT NULL)"
