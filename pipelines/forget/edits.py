"""What is to be changed in a landing file: which of its rows go, and which fields of the others are emptied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.contracts.persons import treatment
from pipelines.load.careful import careful_read
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.contracts.persons import Treatment
    from pipelines.forget.rewrite import Edits
    from pipelines.forget.seek import Seeker
    from pipelines.land import Inspected
    from pipelines.settings import Settings


_SET_ASIDE = ("broken", "rejected")


def find(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    file: Inspected,
    contract: SourceContract,
    seeker: Seeker,
) -> tuple[Edits, set[str]]:
    """What is to be changed in a file, and the texts of those rows; the temporary table `careful` is left with all its rows.

    Raises:
        FileRefusedError: it cannot be read to its end.
        LandingError: it has changed meanwhile.
    """
    careful_read(connection, file, contract, settings.timezone)
    known = contract if contract.format == "jsonl" else contract.as_in(file.header)
    treated = treatment(known)
    nobodys = _of_nobody(connection, known, treated, seeker)
    edits: Edits = dict.fromkeys(nobodys)
    texts = set(nobodys.values())
    names = treated.customers
    if not names:  # the file has none of the columns
        return edits, texts
    numbers = " UNION ".join(f"SELECT {ident(n)} FROM careful WHERE {ident(n)} IS NOT NULL" for n in names)
    erased = seeker.tombstones.erased_of(row[0] for row in connection.execute(numbers).fetchall())
    if not erased:
        return edits, texts
    any_of = " OR ".join(f"list_contains(?::VARCHAR[], {ident(n)})" for n in names)
    rows = connection.execute(
        f'SELECT "line number", "row kind", "raw text", {", ".join(map(ident, names))} FROM careful WHERE {any_of}',
        [sorted(erased)] * len(names),
    ).fetchall()
    for line, kind, text, *numbers_of_row in rows:
        hit = {name for name, number in zip(names, numbers_of_row, strict=True) if number in erased}
        edit = _edit(treated, hit, known.dialect.null_value) if kind == "good" else None
        if edit is not None and hit & set(treated.subjects):
            edit |= _unread(file, contract, text)
        edits[line] = edit
        texts.add(text)
    return edits, texts


def _edit(treated: Treatment, hit: set[str], null: str) -> dict[str, str] | None:
    """What becomes of a row whose columns `hit` name erased customers; None: it goes."""
    if hit & set(treated.subjects):
        return dict(treated.fields) if treated.is_kept else None
    fields = [treated.reference_fields[name] for name in hit]
    return {name: null for names in fields for name in names} if all(fields) else None


def _unread(file: Inspected, contract: SourceContract, text: str) -> dict[str, str]:
    """What the contract does not read of a sale that stays: no load needs it, and nobody knows whether it tells who bought."""
    there = json.loads(text) if contract.format == "jsonl" else file.header
    read = {c.source_name for c in contract.source_columns}
    null = contract.dialect.null_value if contract.format == "csv" else ""
    return {name: null for name in there if name not in read}


def _of_nobody(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, treated: Treatment, seeker: Seeker
) -> dict[int, str]:
    """Rows, with their texts, that were set aside and say nobody whose they are, with an erased customer's number or value."""
    kinds = ", ".join(map(literal, _SET_ASIDE))
    rows = connection.execute(
        f'SELECT "line number", "raw text" FROM careful WHERE "row kind" IN ({kinds}) AND NOT {_says_whose(treated.subjects)}'
    ).fetchall()
    return {line: text for line, text in rows if seeker.knows(text, contract)}


def _says_whose(subjects: Sequence[str]) -> str:
    """SQL: the row could be cut into its columns, and one that says whose it is holds a number without a fault."""
    faulty = "list_transform(\"row reasons\", lambda reason: split_part(reason, ':', 1))"
    said = " OR ".join(
        f"({ident(n)} IS NOT NULL AND NOT list_contains({faulty}, {literal(n)}))" for n in subjects
    )
    return f'("row fault" IS NULL AND ({said or "false"}))'
