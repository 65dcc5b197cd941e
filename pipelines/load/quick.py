"""The quick way to read: cast while reading, many files at once, stop at the first row that is not good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.load.relation import exact_rules, guard_type, has_zone, parse, reads_typed, row_rules, source, type_rules, typed
from pipelines.sql import ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.contracts import Column, SourceContract
    from pipelines.land import Inspected

_GLOB = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})
MAX_LINE_BYTES = 16 * 1024 * 1024


def path_literal(path: object) -> str:
    """A file's path as DuckDB takes it: a file name is one file, never a pattern."""
    return literal(str(path).translate(_GLOB))


def _files(files: Sequence[Inspected]) -> str:
    return "[" + ", ".join(path_literal(f.file.path) for f in files) + "]"


def _csv(contract: SourceContract, files: Sequence[Inspected]) -> tuple[str, dict[str, str]]:
    """The CSV reader's call and the SQL value of each contract column over it."""
    dialect = contract.dialect
    by_source: dict[str, list[Column]] = {}
    for column in contract.source_columns:
        by_source.setdefault(column.source_name, []).append(column)
    types, values = [], {}
    for name in files[0].header:
        columns = by_source.get(name, [])
        is_typed = len(columns) == 1 and reads_typed(columns[0], dialect)
        types.append(f"{literal(name)}: {literal(_read_type(columns[0], contract) if is_typed else 'VARCHAR')}")
        for column in columns:
            values[column.name] = ident(name) if is_typed else ""
    formats = ""
    if dialect.date_format != "iso8601":
        formats += f", dateformat = {literal(dialect.date_format)}"
    if dialect.timestamp_format != "iso8601":
        formats += f", timestampformat = {literal(dialect.timestamp_format)}"
    call = (
        f"read_csv({_files(files)}, auto_detect = false, header = true, delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, nullstr = {literal(dialect.null_value)}, "
        f"compression = {literal('gzip' if files[0].is_gzip else 'none')}, max_line_size = {MAX_LINE_BYTES}, "
        f"columns = {{{', '.join(types)}}}, filename = 'landing file'{formats})"
    )
    return call, values


def _read_type(column: Column, contract: SourceContract) -> str:
    if has_zone(column, contract.dialect):
        return "TIMESTAMP WITH TIME ZONE"
    return guard_type(column)


def _parquet(contract: SourceContract, files: Sequence[Inspected]) -> tuple[str, dict[str, str]]:
    values = {}
    for column in contract.source_columns:
        kind, name = files[0].types[column.source_name], ident(column.source_name)
        if kind == "text" and column.type != "VARCHAR":
            values[column.name] = ""
        elif column.type == "VARCHAR":
            values[column.name] = f"nullif(CAST({name} AS VARCHAR), {literal(contract.dialect.null_value)})"
        elif column.type in ("TIMESTAMP", "DATE", "BOOLEAN"):
            values[column.name] = name
        else:
            values[column.name] = f"CAST({name} AS {guard_type(column, careful=True)})"
    return f"read_parquet({_files(files)}, filename = 'landing file')", values


def zoned_columns(contract: SourceContract, file: Inspected) -> dict[str, bool]:
    """For each timestamp column, whether its read value carries its own zone."""
    zoned = {}
    for column in contract.source_columns:
        kind = file.types.get(column.source_name)
        zoned[column.name] = has_zone(column, contract.dialect) if kind in (None, "text") else kind == "timestamptz"
    return zoned


def quick_select(contract: SourceContract, files: Sequence[Inspected], zone: str, columns: Sequence[str]) -> str:
    """A SELECT of good rows in raw's column order; it raises at the first row that is not good.

    Needs a table `landed(path, partition_date, file_id)`. All files have the same header and compression.
    """
    call, values = _parquet(contract, files) if contract.format == "parquet" else _csv(contract, files)
    fields, conditions = [], []
    for column in contract.source_columns:
        value = values[column.name]
        if value:
            fields.append(f"{value} AS {ident(column.name)}")
            conditions += [rule.condition for rule in exact_rules(column)]
            if column.type == "DATE" and contract.format == "parquet" and files[0].types[column.source_name] == "timestamp":
                conditions.append(f"{ident(column.name)} = date_trunc('day', {ident(column.name)})")
        else:
            text = f"nullif({ident(column.source_name)}, {literal(contract.dialect.null_value)})"
            fields.append(f"{parse(column, text, contract.dialect)} AS {ident(column.name)}")
            fields.append(f"{text} AS {source(column)}")
            conditions += [rule.condition for rule in type_rules(column)]
    read = f"(SELECT {', '.join(fields)}, \"landing file\" FROM {call})"
    if conditions:
        read = f"(SELECT * FROM {read} WHERE {_or_stop(conditions)})"
    joined = f"{read} AS r JOIN landed ON landed.path = r.\"landing file\""
    rows = typed(contract, zone, read_from=joined, kinds=zoned_columns(contract, files[0]), extra="landed.partition_date, landed.file_id")
    checks = [rule.condition for rule in row_rules(contract)]
    return f"SELECT {', '.join(columns)} FROM ({rows}) WHERE {_or_stop(checks)}"


def _or_stop(conditions: Sequence[str]) -> str:
    return f"CASE WHEN {' AND '.join(conditions)} THEN true ELSE error('a row breaks a rule') END"
