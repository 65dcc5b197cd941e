"""Types as DuckDB and as Spark name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipelines.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql.types import DataType

_SPARKS = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
}
_DUCKDBS = {sparks: duckdbs for duckdbs, sparks in _SPARKS.items()} | {
    "timestamp": "TIMESTAMP",
    "smallint": "SMALLINT",
    "float": "FLOAT",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)", re.IGNORECASE)


def spark_type(duckdb_type: str) -> str:
    """Spark's name of a DuckDB type that contracts, the ledger or fitted models have.

    Raises:
        EngineError: there is none.
    """
    if duckdb_type.endswith("[]"):
        return f"array<{spark_type(duckdb_type.removesuffix('[]'))}>"
    if match := _DECIMAL.fullmatch(duckdb_type):
        return f"decimal({match[1]},{match[2]})"
    try:
        return _SPARKS[duckdb_type.upper()]
    except KeyError:
        raise EngineError(
            f"Spark has no type for DuckDB's {duckdb_type}; please report this as a defect"
        ) from None


def duckdb_type(sparks: DataType) -> str:
    """DuckDB's name of a type that a table of Spark has, as its Parquet files are read.

    Raises:
        EngineError: there is none.
    """
    from pyspark.sql.types import ArrayType, StructType

    if isinstance(sparks, ArrayType):
        return f"{duckdb_type(sparks.elementType)}[]"
    if isinstance(sparks, StructType):
        inner: list[Any] = [f'"{f.name}" {duckdb_type(f.dataType)}' for f in sparks.fields]
        return f"STRUCT({', '.join(inner)})"
    name = sparks.simpleString()
    if match := _DECIMAL.fullmatch(name):
        return f"DECIMAL({match[1]},{match[2]})"
    try:
        return _DUCKDBS[name]
    except KeyError:
        raise EngineError(f"DuckDB has no type for Spark's {name}; cast the column in its model") from None
