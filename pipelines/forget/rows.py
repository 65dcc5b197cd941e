"""Take erased customers out of the loaded tables, and keep the ledger's account of every file."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.contracts import known_contracts
from pipelines.contracts.persons import treatment
from pipelines.forget.duplicates import erase_duplicates
from pipelines.forget.person import has_column
from pipelines.forget.quarantine import erase_quarantine
from pipelines.forget.scrubbed import Scrubbed
from pipelines.forget.tombstones import ROWS, RUNNING, advance
from pipelines.load.tables import raw_columns
from pipelines.quoting import ident
from pipelines.warehouse.connection import connect, scalar, transaction
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def erase_rows(
    settings: Settings, numbers: frozenset[str], seeker: Seeker, landing: Mapping[str, Scrubbed]
) -> RowsErased:
    """Erase customers from `raw`, `quarantine`, `duplicates` and the contested keys, in one transaction.

    Args:
        settings: The deployment.
        numbers: Theirs, where they stand in loaded rows.
        seeker: Knows them in rows of files that are no more.
        landing: What was found in the landing files, by dataset.
    """
    done = RowsErased()
    with closing(connect(settings)) as connection:
        with transaction(connection):
            for contract in known_contracts(settings).values():
                found = landing.get(contract.name, Scrubbed())
                _erase(connection, settings, contract, numbers, seeker, found, done)
            if done.total:
                # A whole new build, so that no table which is only added to keeps a row.
                connection.execute(
                    "UPDATE ops.steps SET status = ? WHERE step = 'build' AND status IN ('success', 'partial')",
                    [INVALID],
                )
            advance(connection, RUNNING, ROWS)
        engine_of(settings).tidy(connection, settings)
    return done


def count_rows(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    numbers: frozenset[str],
    seeker: Seeker,
    landing: Mapping[str, Scrubbed],
) -> RowsErased:
    """What `erase_rows` would do: it is done, counted and undone."""
    done = RowsErased()
    connection.execute("BEGIN TRANSACTION")
    try:
        for contract in known_contracts(settings).values():
            _erase(
                connection, settings, contract, numbers, seeker, landing.get(contract.name, Scrubbed()), done
            )
    finally:
        connection.execute("ROLLBACK")
        engine_of(settings).tidy(connection, settings)
    return done


def _erase(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    numbers: frozenset[str],
    seeker: Seeker,
    found: Scrubbed,
    done: RowsErased,
) -> None:
    treated, name = treatment(contract), contract.name
    if not treated.customers:
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE erased_numbers AS SELECT unnest(?::VARCHAR[]) AS number",
        [sorted(numbers)],
    )
    engine, table = engine_of(settings), ("raw", name)
    with engine.changing(connection, settings, table, _is_any(treated.customers)) as rows:
        gone = _raw(connection, contract, treated, rows, done)
    contested = ("raw", f"{name}__contested")
    keyed = tuple(c for c in treated.customers if has_column(connection, ".".join(map(ident, contested)), c))
    if keyed and not treated.is_kept:
        with engine.changing(connection, settings, contested) as keys:
            connection.execute(f"DELETE FROM {keys} WHERE {_is_any(keyed)}")
    gone += (twice := erase_duplicates(connection, settings, contract, treated, numbers))
    _account(connection, name, gone - twice, twice)
    if broken := erase_quarantine(connection, settings, contract, seeker, found):
        done.quarantined[name] = broken
    if total := sum(twice.values()):
        done.duplicates[name] = total
    if gone:
        with engine.changing(connection, settings, contested) as keys:
            _settle(connection, contract, keys)
        _controls(connection, name)


def _is_any(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"{ident(c)} IN (SELECT number FROM erased_numbers)" for c in columns) or "false"


def _raw(
    connection: duckdb.DuckDBPyConnection,
    contract: SourceContract,
    treated: Treatment,
    table: str,
    done: RowsErased,
) -> Counter[str]:
    """Rows that went, by file."""
    name = contract.name
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


def _settle(connection: duckdb.DuckDBPyConnection, contract: SourceContract, contested: str) -> None:
    """Forget keys that stand in one partition only, now that rows have gone."""
    key = ", ".join(map(ident, contract.key))
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
