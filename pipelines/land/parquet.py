"""Look at a Parquet file: is it whole, and can its columns hold the contract's without a guess?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.land.first_bytes import SAMPLE_BYTES, foreign_kind
from pipelines.land.inspected import Inspected, names_shown, refuse, unknown_columns
from pipelines.land.opening import file_sha256, open_bytes
from pipelines.land.wording import almost, called

if TYPE_CHECKING:
    from pipelines.contracts import Column, LandingFile, SourceContract


def _parquet_kind(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return _parquet_kind(type_.value_type)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_) or (pa.types.is_decimal(type_) and type_.scale == 0):
        return "integer"
    if pa.types.is_float64(type_):
        return "double"
    if pa.types.is_floating(type_):
        return "float"
    if pa.types.is_decimal(type_):
        return "decimal"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_timestamp(type_):
        return "timestamptz" if type_.tz else "timestamp"
    if pa.types.is_null(type_):
        return "text"
    return str(type_)


_PARQUET_FITS = {
    # A number that may have decimals makes no text: 17 would become 17.0, another id.
    "VARCHAR": {"text", "integer"},
    "BOOLEAN": {"boolean", "text"},
    "INTEGER": {"integer", "decimal", "double", "float", "text"},
    "BIGINT": {"integer", "decimal", "double", "float", "text"},
    "DOUBLE": {"integer", "decimal", "double", "float", "text"},
    "DECIMAL": {"integer", "decimal", "double", "float", "text"},
    "DATE": {"date", "timestamp", "text"},
    "TIMESTAMP": {"timestamp", "timestamptz", "text"},
}


_NUMBERS = dict.fromkeys(("decimal", "double", "float"), "number")


def parquet_fits(column: Column, kind: str) -> bool:
    """Whether a Parquet column of that kind can hold the contract's column without a guess."""
    return kind in _PARQUET_FITS[column.type.partition("(")[0]]


_INTEGER_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


def _digits_fit(column: Column, type_: pa.DataType) -> bool:
    """Whether every number of the Parquet type is one of the contract's type, digit for digit."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", column.type)
    if pa.types.is_integer(type_):
        if column.type in ("INTEGER", "BIGINT"):
            bits = type_.bit_width + pa.types.is_unsigned_integer(type_)
            return bool(bits <= (32 if column.type == "INTEGER" else 64))
        return decimal is not None and _INTEGER_DIGITS[type_.bit_width] <= int(decimal[1]) - int(decimal[2])
    if pa.types.is_decimal(type_) and decimal is not None:
        precision, scale = int(decimal[1]), int(decimal[2])
        return bool(0 <= type_.scale <= scale and type_.precision - type_.scale <= precision - scale)
    return False


def inspect_parquet(file: LandingFile, contract: SourceContract, size: int) -> Inspected:
    """Check a Parquet file of `size` bytes; see `inspect`."""
    try:
        with pq.ParquetFile(file.path) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        with open_bytes(file.path) as stream:
            start = stream.read(SAMPLE_BYTES)
        found = (
            "an HTML or XML page"
            if start.lstrip().startswith(b"<")
            else foreign_kind(file.path, start, "parquet")
            or f"a file that is none or damaged ({str(error).splitlines()[0][:200]})"
        )
        raise refuse(file.path, "a Parquet file", found) from error
    types = {field_.name: _parquet_kind(field_.type) for field_ in schema}
    contract = contract.as_in(types)
    missing = list(
        dict.fromkeys(c.source_name for c in contract.source_columns if c.source_name not in types)
    )
    folded = [name.casefold() for name in schema.names]
    twice = [c.source_name for c in contract.source_columns if folded.count(c.source_name.casefold()) > 1]
    if twice:
        raise refuse(
            file.path,
            "each column once in the schema",
            f"{names_shown(twice, contract)} more than once (case aside)",
        )
    if missing:
        raise refuse(
            file.path,
            f"the column{'s' * (len(missing) > 1)} {called(missing)}",
            f"a Parquet schema with {names_shown(list(types), contract)}{almost(missing, tuple(types))}",
        )
    for column in contract.source_columns:
        kind = types[column.source_name]
        if not parquet_fits(column, kind):
            raise refuse(
                file.path,
                f"column {column.source_name} as {column.type}",
                f"it as {_NUMBERS.get(kind, kind.partition('<')[0])}",
            )
    return Inspected(
        file=file,
        size_bytes=size,
        sha256=file_sha256(file.path),
        is_gzip=False,
        header=tuple(types),
        rows=rows,
        drift=unknown_columns(list(types), contract),
        types=types,
        schema=str(list(schema.types)),
        fitting=frozenset(
            c.source_name for c in contract.source_columns if _digits_fit(c, schema.field(c.source_name).type)
        ),
    )
