"""Take erased customers out of the loaded tables, and keep the ledger's account of every file."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.contracts import known_contracts
from pipelines.contracts.persons import treatment
from pipelines.forget.person import has_column
from pipelines.forget.rewrite import json_line
from pipelines.forget.tombstones import ROWS, RUNNING, advance
from pipelines.load.tables import raw_columns
from pipelines.quoting import ident
from pipelines.warehouse.connection import connect, scalar, transaction

if TYPE_CHECKING:
    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.contracts.persons import Treatment
    from pipelines.forget.seek import Seeker
    from pipelines.settings import Settings

INVALID = "erased"
"""What the ledger calls a build whose rows have been erased since: nothing is published from it."""


@dataclass
class RowsErased:
    """Counts of rows by dataset."""

    removed: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    """Rows that stay: sales without a customer, and rows that named one whom they are not about."""
    quarantined: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(sum(part.values()) for part in vars(self).values())


def erase_rows(settings: Settings, numbers: frozenset[str], seeker: Seeker) -> RowsErased:
    """Erase customers from `raw`, `quarantine`, `duplicates` and the contested keys, in one transaction."""
    done = RowsErased()
    with closing(connect(settings)) as connection, transaction(connection):
        for contract in known_contracts(settings).values():
            _erase(connection, contract, numbers, seeker, done)
        if done.total:
            # A whole new build, so that no table which is only added to keeps a row.
            connection.execute(
                "UPDATE ops.steps SET status = ? WHERE step = 'build' AND status IN ('success', 'partial')",
                [INVALID],
            )
        advance(connection, RUNNING, ROWS)
    return done


def count_rows(
    connection: duckdb.DuckDBPyConnection, settings: Settings, numbers: frozenset[str], seeker: Seeker
) -> RowsErased:
    """What `erase_rows` would do: it is done, counted and undone."""
    done = RowsErased()
    connection.execute("BEGIN TRANSACTION")
    try:
        for contract in known_contracts(settings).values():
            _erase(connection, contract, numbers, seeker, done)
    finally:
        connection.execute("ROLLBACK")
    return done


def _erase(
    connection: duckdb.DuckDBPyConnection,
    contract: SourceContract,
    numbers: frozenset[str],
    seeker: Seeker,
    done: RowsErased,
) -> None:
    treated, name = treatment(contract), contract.name
    if not treated.customers:
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE erased_numbers AS SELECT unnest(?::VARCHAR[]) AS number",
        [sorted(numbers)],
    )
    gone = _raw(connection, contract, treated, done)
    gone += (twice := _duplicates(connection, contract, treated, numbers))
    _account(connection, name, gone - twice, twice)
    _quarantine(connection, contract, seeker, done)
    if total := sum(twice.values()):
        done.duplicates[name] = total
    if gone:
        _settle(connection, contract)
        _controls(connection, name)


def _is_any(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"{ident(c)} IN (SELECT number FROM erased_numbers)" for c in columns) or "false"


def _raw(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, treated: Treatment, done: RowsErased
) -> Counter[str]:
    """Rows that went, by file."""
    table, name = f"raw.{ident(contract.name)}", contract.name
    goes = _is_any(treated.subjects)
    fixed = tuple(r for r in treated.references if not treated.reference_fields[r])
    if fixed:
        goes = f"{goes} OR {_is_any(fixed)}"
    connection.execute(
        "INSERT INTO ops.touched (SELECT DISTINCT ?, business_date FROM "
        f"{table} WHERE {goes}) EXCEPT SELECT dataset, business_date FROM ops.touched",
        [name],
    )
    gone: Counter[str] = Counter()
    emptied = 0
    if treated.is_kept:
        emptied += scalar(connection, f"SELECT count(*) FROM {table} WHERE {goes}")
        nothing = ", ".join(
            f"{ident(c)} = NULL" for c in (*treated.emptied, *_forgotten_columns(connection, contract))
        )
        if emptied:
            connection.execute(f"UPDATE {table} SET {nothing} WHERE {goes}")
    else:
        gone.update(
            dict(
                connection.execute(
                    f"SELECT file_id, count(*) FROM {table} WHERE {goes} GROUP BY file_id"
                ).fetchall()
            )
        )
        connection.execute(f"DELETE FROM {table} WHERE {goes}")
        contested = f"raw.{ident(name + '__contested')}"
        keyed = tuple(c for c in treated.customers if has_column(connection, contested, c))
        connection.execute(f"DELETE FROM {contested} WHERE {_is_any(keyed)}")
    for column in treated.references:
        if column not in fixed and (
            named := scalar(connection, f"SELECT count(*) FROM {table} WHERE {_is_any((column,))}")
        ):
            connection.execute(f"UPDATE {table} SET {ident(column)} = NULL WHERE {_is_any((column,))}")
            emptied += named
    if gone:
        done.removed[name] = sum(gone.values())
    if emptied:
        done.emptied[name] = emptied
    return gone


def _forgotten_columns(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> list[str]:
    """Columns that an earlier contract had: nobody knows any more what stands in them."""
    known = {name for name, _ in raw_columns(contract)}
    have = connection.execute(
        "SELECT name FROM pragma_table_info(?)", [f"raw.{ident(contract.name)}"]
    ).fetchall()
    return [name for (name,) in have if name not in known]


def _duplicates(
    connection: duckdb.DuckDBPyConnection,
    contract: SourceContract,
    treated: Treatment,
    numbers: frozenset[str],
) -> Counter[str]:
    """Repeated rows that went, by file; of those that stay the customer is emptied, as in `raw`."""
    table = f"duplicates.{ident(contract.name)}"
    named = " OR ".join(
        f"json_extract_string(raw_text, '$.{c}') IN (SELECT number FROM erased_numbers)"
        for c in treated.customers
    )
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


def _quarantine(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, seeker: Seeker, done: RowsErased
) -> None:
    """Rows that broke the contract, where an erased customer is named, or a value of theirs stands."""
    table = f"quarantine.{ident(contract.name)}"
    rows = connection.execute(
        f"SELECT rowid, run_id, file_id, coalesce(kind, 'broken'), raw_text FROM {table}"
    ).fetchall()
    hit = [row for row in rows if row[4] is not None and seeker.knows(row[4], contract)]
    if not hit:
        return
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
    done.quarantined[contract.name] = len(hit)


def _account(
    connection: duckdb.DuckDBPyConnection, name: str, loaded: Counter[str], duplicates: Counter[str]
) -> None:
    for file_id in {*loaded, *duplicates}:
        connection.execute(
            "UPDATE ops.files SET loaded = loaded - ?, duplicates = duplicates - ?, "
            "erased = coalesce(erased, 0) + ? WHERE dataset = ? AND file_id = ? AND status = 'loaded'",
            [
                loaded[file_id],
                duplicates[file_id],
                loaded[file_id] + duplicates[file_id],
                name,
                file_id,
            ],
        )


def _settle(connection: duckdb.DuckDBPyConnection, contract: SourceContract) -> None:
    """Forget keys that stand in one partition only, now that rows have gone."""
    contested, key = f"raw.{ident(contract.name + '__contested')}", ", ".join(map(ident, contract.key))
    connection.execute(
        f"DELETE FROM {contested} WHERE ({key}) NOT IN (SELECT ({key}) FROM raw.{ident(contract.name)} "
        f"SEMI JOIN {contested} USING ({key}) GROUP BY ALL HAVING count(DISTINCT partition_date) > 1)"
    )


def _controls(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The sums that each build holds `raw` against; what the source said loses as much, as the difference would be a value."""
    for (column,) in connection.execute(
        "SELECT DISTINCT column_name FROM ops.controls WHERE dataset = ?", [name]
    ).fetchall():
        connection.execute(
            "UPDATE ops.controls AS c SET loaded = CAST(n.total AS VARCHAR), "
            "landed = CAST(CAST(c.landed AS DECIMAL(38, 6)) - CAST(c.loaded AS DECIMAL(38, 6)) + n.total AS VARCHAR) "
            "FROM (SELECT f.file_id, coalesce(r.total, 0) AS total FROM ops.files AS f LEFT JOIN "
            f"(SELECT file_id, sum({ident(column)}) AS total FROM raw.{ident(name)} GROUP BY file_id) AS r "
            "USING (file_id) WHERE f.dataset = ? AND f.status = 'loaded') AS n "
            "WHERE n.file_id = c.file_id AND c.dataset = ? AND c.column_name = ? "
            "AND CAST(c.loaded AS DECIMAL(38, 6)) <> n.total",
            [name, name, column],
        )
