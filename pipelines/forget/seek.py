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

    from pipelines.contracts import Dialect, SourceContract
    from pipelines.forget.tombstones import Tombstones

_CHUNK = 8 * 1024 * 1024
_BETWEEN_QUOTES = re.compile(r'(?:[^"\\\r\n]|\\.)+')
_JSON_NUMBER = re.compile(r'[\[{:,"]\s*(-?\d+)(?=\s*(?:[\]},"]|$))', re.MULTILINE)
_SHORTEST = 5
"""Characters of a personal value that is looked for in rows that are no rows; a shorter one stands in any text."""
_LETTER = r"[^\W\u0e00-\u0eff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
"""A letter or digit of a script that parts its words, as Chinese does not."""
_BORDER = rf"(?:(?<!{_LETTER})|(?!{_LETTER}))"
"""No letter on one of its two sides."""


@dataclass(frozen=True)
class Seeker:
    """Knows an erased customer by the number's hash, and by what else of them was known when they were erased."""

    tombstones: Tombstones
    values: tuple[str, ...] = ()
    """Personal values: names, telephone numbers, addresses, what they wrote."""

    def knows(self, text: str, contract: SourceContract) -> bool:
        """Whether a text in the contract's format holds an erased customer's number as a whole field, or a value of theirs."""
        fields = _csv_fields(text, contract.dialect) if contract.format == "csv" else _json_fields(text)
        if self.tombstones.erased_of(fields):
            return True
        if not self.values:
            return False
        if contract.format == "csv":
            return any(stands_in(f, text) for value in self.values for f in _forms(value, contract.dialect))
        # Without its escapes, and as it is, for a text that should have some and has none.
        texts = "\n".join([text, *(_unescaped(p) for p in _BETWEEN_QUOTES.findall(text) if "\\" in p)])
        return any(stands_in(value, texts) for value in self.values)


def personal_values(rows: Iterable[tuple[str | None, ...]]) -> set[str]:
    """Values that are long enough to be looked for."""
    return {v for row in rows for v in row if v is not None and len(v.strip()) >= _SHORTEST}


def stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text as words of their own: `Maria` is not in `Mariana`."""
    return value in text and re.search(f"{_BORDER}{re.escape(value)}{_BORDER}", text) is not None


def _forms(value: str, dialect: Dialect) -> set[str]:
    """How a value stands in CSV: as it is, or with its quotes doubled or escaped."""
    quote, escape = dialect.quote, dialect.escape or dialect.quote
    return {value, value.replace(quote, escape + quote)} if quote else {value}


def _csv_fields(text: str, dialect: Dialect) -> set[str]:
    """What may be a whole field of a text, whatever is wrong with its rows."""
    signs = {dialect.delimiter, dialect.quote, "\r", "\n"} - {""}
    parts = re.split(f"[{re.escape(''.join(sorted(signs)))}]+", text)
    return {*parts, *(part.strip() for part in parts)}


def _json_fields(text: str) -> set[str]:
    """The same of JSON: what stands between any two quotes, as a quote too many makes texts of what is between them."""
    parts = {_unescaped(part) for part in set(_BETWEEN_QUOTES.findall(text))}
    return {*parts, *(part.strip() for part in parts), *_JSON_NUMBER.findall(text)}


def _unescaped(part: str) -> str:
    if "\\" not in part:
        return part
    try:
        return str(json.loads(f'"{part}"', strict=False))
    except ValueError:
        return part


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
