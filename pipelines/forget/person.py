"""Who is to be forgotten: all the numbers of one person, and what they are called."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.contracts import known_contracts
from pipelines.contracts.persons import treatment
from pipelines.forget.seek import Seeker, personal_values
from pipelines.quoting import ident

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from pipelines.forget.tombstones import Tombstones
    from pipelines.settings import Settings

_LINKS = (
    "SELECT customer_id, newest FROM (SELECT customer_id, "
    "arg_max({'into': merged_into_customer_id}, partition_date).into AS newest FROM raw.customers GROUP BY customer_id) "
    "WHERE newest IS NOT NULL"
)
"""Merges that hold; one that was taken back by a later row does not."""


@dataclass(frozen=True)
class Person:
    """The numbers of one person."""

    numbers: frozenset[str]
    values: tuple[str, ...]
    """What the loaded rows hold of personal values."""


def numbers_of(connection: duckdb.DuckDBPyConnection, number: str) -> frozenset[str]:
    """The number, and all that are merged with it: into it, it into them, and so on."""
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in connection.execute(_LINKS).fetchall():
        beside[one].add(other)
        beside[other].add(one)
    found, waiting = set(), [number]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting.extend(beside[one])
    return frozenset(found)


def known_numbers(
    connection: duckdb.DuckDBPyConnection, settings: Settings, tombstones: Tombstones
) -> frozenset[str]:
    """The erased customers' numbers that still stand in the loaded rows."""
    found: set[str] = set()
    for name, contract in known_contracts(settings).items():
        for column in treatment(contract).customers:
            for table in (f"raw.{ident(name)}", f"raw.{ident(name + '__contested')}"):
                if has_column(connection, table, column):
                    rows = connection.execute(
                        f"SELECT DISTINCT {ident(column)} FROM {table} WHERE {ident(column)} IS NOT NULL"
                    ).fetchall()
                    found |= tombstones.erased_of(str(row[0]) for row in rows)
            for (text,) in connection.execute(
                f"SELECT DISTINCT json_extract_string(raw_text, '$.{column}') FROM duplicates.{ident(name)}"
            ).fetchall():
                found |= tombstones.erased_of([text] if text is not None else [])
    return frozenset(found)


def seeker_for(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    tombstones: Tombstones,
    numbers: Iterable[str],
) -> Seeker:
    """One who knows these customers also by their personal values in the loaded rows, but for those that others have too."""
    tables = []
    for name, contract in known_contracts(settings).items():
        personal = [c.name for c in contract.columns if c.is_personal and c.type == "VARCHAR"]
        if personal and (subjects := treatment(contract).subjects):
            whose = " OR ".join(f"list_contains($numbers::VARCHAR[], {ident(s)})" for s in subjects)
            someone = " OR ".join(f"{ident(s)} IS NOT NULL" for s in subjects)
            select = (
                f"SELECT DISTINCT unnest([{', '.join(map(ident, personal))}]) AS value FROM raw.{ident(name)}"
            )
            tables.append((select, f"coalesce({whose}, false)", someone))
    known = {"numbers": list(numbers)}
    values: set[str] = set()
    for select, theirs, _ in tables:
        values |= personal_values(connection.execute(f"{select} WHERE {theirs}", known).fetchall())
    for select, theirs, someone in tables if values else []:
        values.difference_update(
            row[0]
            for row in connection.execute(
                f"FROM ({select} WHERE ({someone}) AND NOT {theirs}) WHERE list_contains($values::VARCHAR[], value)",
                known | {"values": sorted(values)},
            ).fetchall()
        )
    return Seeker(tombstones, tuple(sorted(values)))


def has_column(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Whether a table has a column; a contested one has the key alone."""
    return bool(
        connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", [table, column]).fetchall()
    )
