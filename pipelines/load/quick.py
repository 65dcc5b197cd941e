"""The quick way to read: cast while reading, many files at once, stop at the first row that is not good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contracts import ISO
from pipelines.contracts.location import file_name
from pipelines.load.conditions import file_columns, is_one_of
from pipelines.load.relation import exact_rules, row_rules, source, type_rules, typed
from pipelines.load.values import (
    from_parquet,
    guard_type,
    has_plain_marks,
    has_zone,
    is_number,
    null_of,
    parse,
    plain_numbers,
    reads_typed,
)
from pipelines.quoting import file_literal, ident, literal, literals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.contracts import Column, SourceContract
    from pipelines.land import Inspected

MAX_LINE_BYTES = 16 * 1024 * 1024


def _files(files: Sequence[Inspected]) -> str:
    return "[" + ", ".join(file_literal(f.file.path) for f in files) + "]"


def _csv(contract: SourceContract, files: Sequence[Inspected]) -> tuple[str, dict[str, tuple[str, bool]]]:
    """The CSV reader's call, and of each contract column the SQL over it and whether that is its value already."""
    dialect = contract.dialect
    # Columns are named by their place: two headers may differ in case alone, which SQL names do not.
    by_source: dict[str, list[Column]] = {}
    for column in contract.source_columns:
        by_source.setdefault(column.source_name, []).append(column)
    types: list[str] = []
    values: dict[str, tuple[str, bool]] = {}
    for place, name in enumerate(files[0].header):
        columns = by_source.get(name, [])
        is_typed = len(columns) == 1 and reads_typed(columns[0], dialect)
        types.append(f"c{place}: {literal(columns[0].type if is_typed else 'VARCHAR')}")
        for column in columns:
            values[column.name] = (f"c{place}", is_typed)
    # Fields beyond the last named column, which all rows have, are read too: the reader passes over surplus delimiters.
    width = files[0].width or len(files[0].header)
    types += [f"c{place}: 'VARCHAR'" for place in range(len(types), width)]
    formats = ""
    if dialect.date_format != ISO:
        formats += f", dateformat = {literal(dialect.date_format)}"
    if dialect.timestamp_format != ISO:
        formats += f", timestampformat = {literal(dialect.timestamp_format)}"
    call = (
        f"read_csv({_files(files)}, auto_detect = false, header = false, skip = {files[0].lines_above}, "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.escape or dialect.quote)}, nullstr = {literals(dialect.null_values)}, "
        f"compression = {literal('gzip' if files[0].is_gzip else 'none')}, max_line_size = {MAX_LINE_BYTES}, "
        f"columns = {{{', '.join(types)}}}, hive_partitioning = false{formats})"
    )
    return call, values


def _parquet(contract: SourceContract, files: Sequence[Inspected]) -> tuple[str, dict[str, tuple[str, bool]]]:
    values: dict[str, tuple[str, bool]] = {}
    for column in contract.source_columns:
        kind, name = files[0].types[column.source_name], ident(column.source_name)
        if kind == "text" and column.type != "VARCHAR":
            values[column.name] = (name, False)
        elif column.source_name in files[0].fitting:
            values[column.name] = (f"CAST({name} AS {column.type})", True)
        else:
            values[column.name] = (from_parquet(column, name, kind, contract.dialect), True)
    return f"read_parquet({_files(files)}, hive_partitioning = false)", values


def zoned_columns(contract: SourceContract, file: Inspected) -> dict[str, bool]:
    """For each timestamp column, whether its read value carries its own zone."""
    zoned = {}
    for column in contract.source_columns:
        kind = file.types.get(column.source_name)
        zoned[column.name] = (
            has_zone(column, contract.dialect) if kind in (None, "text") else kind == "timestamptz"
        )
    return zoned


def quick_select(
    contract: SourceContract, files: Sequence[Inspected], zone: str, columns: Sequence[str]
) -> str:
    """A SELECT of good rows in raw's column order; it raises at the first row that is not good.

    All files have the same header, compression and Parquet types. Rows keep the order of the files and of their lines.
    Where the contract ignores some rows, they come too, and the column `is ignored` tells them apart.
    """
    contract = contract.as_in(files[0].header)
    call, values = _parquet(contract, files) if contract.format == "parquet" else _csv(contract, files)
    fields, conditions, plain = [], [], []
    dialect, source_zone = contract.dialect, contract.dialect.timezone or zone
    zoned = zoned_columns(contract, files[0])
    for column in contract.source_columns:
        value, is_typed = values[column.name]
        if is_typed:
            fields.append(f"{value} AS {ident(column.name)}")
            if column.source_name not in files[0].fitting:
                exact = exact_rules(column, source_zone, zoned=zoned[column.name], guard=guard_type(column))
                conditions += [rule.condition for rule in exact]
            if column.type in ("DATE", "TIMESTAMP") and contract.format == "csv":
                # What the reader makes of the words epoch and infinity; the careful way sees the text.
                conditions.append(f"{ident(column.name)} IS DISTINCT FROM TIMESTAMP '1900-01-01'")
            continue
        text = value if contract.format == "csv" else null_of(value, dialect)
        fields.append(f"{text} AS {source(column)}")
        if is_number(column) and has_plain_marks(dialect):
            # Cast as it stands; whether it may stand so is asked of all numbers of a row at once.
            plain.append(source(column))
            fields.append(f"CAST({text} AS {guard_type(column)}) AS {ident(column.name)}")
            exact = exact_rules(column, source_zone, zoned=False, guard=guard_type(column))
            conditions += [rule.condition for rule in exact]
        else:
            fields.append(f"{parse(column, text, dialect, source_zone)} AS {ident(column.name)}")
            rules = type_rules(column, dialect, source_zone, zoned=zoned[column.name])
            conditions += [rule.condition for rule in rules]
    if plain:
        conditions.append(plain_numbers(plain, dialect))
    days = _by_file([f"DATE {literal(str(f.file.partition_date))}" for f in files])
    ids = _by_file([literal(f.file_id) for f in files])
    places = file_columns(
        contract, _by_file([literal(file_name(contract.location, f.file.path)) for f in files]), "NULL"
    )
    read = f"(SELECT {', '.join(fields)}, {days} AS partition_date, {ids} AS file_id{places} FROM {call})"
    if conditions:
        read = f"(SELECT * FROM {read} WHERE {_or_stop(conditions)})"
    rows = typed(
        contract,
        zone,
        read_from=read,
        kinds=zoned,
        extra="partition_date, file_id",
    )
    checks = [rule.condition for rule in row_rules(contract)]
    if not contract.ignore_if:
        return f"SELECT {', '.join(columns)} FROM ({rows}) WHERE {_or_stop(checks)}"
    rows = f'SELECT *, {is_one_of(contract.ignore_if)} AS "is ignored" FROM ({rows})'
    return (
        f'SELECT {", ".join(columns)}, "is ignored" FROM ({rows}) '
        f'WHERE CASE WHEN "is ignored" THEN true ELSE {_or_stop(checks)} END'
    )


def _by_file(values: Sequence[str]) -> str:
    """SQL that picks a file's value by its place among the files; unlike a join it keeps the rows' order."""
    if len(set(values)) == 1:
        return values[0]
    return f"list_extract([{', '.join(values)}], CAST(file_index AS BIGINT) + 1)"


def _or_stop(conditions: Sequence[str]) -> str:
    return f"CASE WHEN {' AND '.join(conditions)} THEN true ELSE error('a row breaks a rule') END"
