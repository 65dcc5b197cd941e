"""Erased customers' rows among those that were set aside because their key came twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from pipelines.forget.rewrite import json_line
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.contracts.persons import Treatment
    from pipelines.settings import Settings


def erase_duplicates(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    treated: Treatment,
    numbers: frozenset[str],
) -> Counter[str]:
    """Repeated rows that went, by file; of those that stay the customer is emptied, as in `raw`."""
    named = " OR ".join(
        f"json_extract_string(raw_text, '$.{c}') IN (SELECT number FROM erased_numbers)"
        for c in treated.customers
    )
    table = ("duplicates", contract.name)
    with engine_of(settings).changing(connection, settings, table, named) as name:
        return _erase(connection, name, named, treated, numbers)


def _erase(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    named: str,
    treated: Treatment,
    numbers: frozenset[str],
) -> Counter[str]:
    gone: Counter[str] = Counter()
    for row, file_id, text in connection.execute(
        f"SELECT rowid, file_id, raw_text FROM {table} WHERE {named}"
    ).fetchall():
        values = json.loads(text, parse_float=str)
        hit = {c for c in treated.customers if values.get(c) in numbers}
        is_about = bool(hit & set(treated.subjects)) or any(
            not treated.reference_fields.get(c) for c in hit - set(treated.subjects)
        )
        if is_about and not treated.is_kept:
            gone[file_id] += 1
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", [row])
            continue
        nothing = dict.fromkeys(treated.emptied if is_about else sorted(hit), "")
        connection.execute(
            f"UPDATE {table} SET raw_text = ? WHERE rowid = ?", [json_line(text, nothing), row]
        )
    return gone
