"""Does a text name an erased customer? Asked of files before they are read row by row, and of rows that are no rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.land.opening import open_text
from pipelines.quoting import file_literal, ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.forget.tombstones import Tombstones

_CHUNK = 8 * 1024 * 1024
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_JSON_NUMBER = re.compile(r"-?\d+")
_SHORTEST = 5
"""Characters of a personal value that is looked for in rows that are no rows; a shorter one stands in any text."""


@dataclass(frozen=True)
class Seeker:
    """Knows an erased customer by the number's hash, and by what else of them was known when they were erased."""

    tombstones: Tombstones
    values: tuple[str, ...] = ()
    """Personal values: names, telephone numbers, addresses, what they wrote."""

    def knows(self, text: str, contract: SourceContract) -> bool:
        """Whether a text in the contract's format holds an erased customer's number as a whole field, or a value of theirs."""
        return bool(self.tombstones.erased_of(_fields(text, contract))) or any(
            form in text for value in self.values for form in _forms(value, contract)
        )


def personal_values(rows: Iterable[tuple[str | None, ...]]) -> tuple[str, ...]:
    """Values that are long enough to be looked for."""
    return tuple(
        sorted(
            {value for row in rows for value in row if value is not None and len(value.strip()) >= _SHORTEST}
        )
    )


def _forms(value: str, contract: SourceContract) -> set[str]:
    """How a value stands in a file: with its quotes doubled or escaped, or as JSON has it."""
    if contract.format != "csv":
        return {json.dumps(value, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    quote, escape = contract.dialect.quote, contract.dialect.escape or contract.dialect.quote
    return {value, value.replace(quote, escape + quote)} if quote else {value}


def _fields(text: str, contract: SourceContract) -> set[str]:
    """What may be a whole field of a text, whatever is wrong with its rows."""
    if contract.format == "csv":
        signs = {contract.dialect.delimiter, contract.dialect.quote, "\r", "\n"} - {""}
        parts = re.split(f"[{re.escape(''.join(sorted(signs)))}]+", text)
        return {*parts, *(part.strip() for part in parts)}
    texts = set(_JSON_TEXT.findall(text))
    return {_unescaped(t) for t in texts} | set(_JSON_NUMBER.findall(text))


def _unescaped(quoted: str) -> str:
    try:
        return str(json.loads(quoted)) if "\\" in quoted else quoted[1:-1]
    except ValueError:
        return quoted[1:-1]


def may_hold(
    connection: duckdb.DuckDBPyConnection, path: Path, contract: SourceContract, seeker: Seeker
) -> bool:
    """Whether a landing file is worth a careful reading: an erased customer's number, or a value of theirs, stands in it.

    Raises:
        OSError, ValueError, duckdb.Error: it cannot be read to its end.
    """
    if contract.format == "parquet":
        return any(seeker.knows(text, contract) for text in _parquet_texts(connection, path))
    return any(seeker.knows(chunk, contract) for chunk in _chunks(path, contract))


def _chunks(path: Path, contract: SourceContract) -> Iterator[str]:
    """The file's text in pieces of whole lines; a field that goes over lines is told by its rows."""
    with open_text(path, contract.dialect.encoding) as stream:
        while lines := stream.readlines(_CHUNK):
            yield "".join(lines)


def _parquet_texts(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[str]:
    cursor = connection.cursor()
    relation = f"read_parquet({file_literal(path)}, hive_partitioning = false)"
    for name, *_ in cursor.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall():
        found = cursor.execute(f"SELECT DISTINCT CAST({ident(name)} AS VARCHAR) FROM {relation}")
        while rows := found.fetchmany(10_000):
            yield json.dumps([row[0] for row in rows], ensure_ascii=False)
