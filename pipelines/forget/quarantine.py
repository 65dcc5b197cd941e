"""Erased customers' rows that broke their contract: they stand in quarantine as the text that the file has."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipelines.quoting import literals
from pipelines.warehouse.connection import transaction
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.forget.scrubbed import Scrubbed
    from pipelines.forget.seek import Seeker
    from pipelines.settings import Settings

_BLANK = ""
"""The text of a row that is to go; no row of a file has none."""


def blank(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    file_ids: Iterable[str],
    texts: Iterable[str],
) -> None:
    """Take away the texts of rows that are about to go from their file."""
    table, theirs = ("quarantine", contract.name), f"list_contains({literals(sorted(file_ids))}, file_id)"
    with transaction(connection), engine_of(settings).changing(connection, settings, table, theirs) as name:
        connection.execute(
            f"UPDATE {name} SET raw_text = ? WHERE {theirs} AND list_contains(?::VARCHAR[], raw_text)",
            [_BLANK, sorted(texts)],
        )


def erase_quarantine(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    seeker: Seeker,
    found: Scrubbed,
) -> int:
    """Take out the rows that went from their files; returns how many. Of files that are no more, the texts are looked at."""
    table = ("quarantine", contract.name)
    with engine_of(settings).changing(connection, settings, table, "raw_text IS NOT NULL") as name:
        return _erase(connection, name, contract, seeker, found)


def _erase(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    contract: SourceContract,
    seeker: Seeker,
    found: Scrubbed,
) -> int:
    rows = connection.execute(
        f"SELECT rowid, run_id, file_id, coalesce(kind, 'broken'), raw_text FROM {table} WHERE raw_text IS NOT NULL"
    ).fetchall()
    hit = [
        row
        for row in rows
        if row[4] == _BLANK
        or (
            row[4] in found.texts.get(row[2], ())
            if row[2] in found.looked_into
            else seeker.knows(row[4], contract)
        )
    ]
    if not hit:
        return 0
    connection.execute(
        f"DELETE FROM {table} WHERE list_contains(?::BIGINT[], rowid)", [[row[0] for row in hit]]
    )
    for (run_id, file_id, kind), count in Counter(row[1:4] for row in hit).items():
        column = "quarantined" if kind == "broken" else "rejected"
        connection.execute(
            f"UPDATE ops.files SET {column} = {column} - ?, erased = coalesce(erased, 0) + ? "
            "WHERE dataset = ? AND file_id = ? AND run_id = ?",
            [count, count, contract.name, file_id, run_id],
        )
    return len(hit)
