"""Tables that loading fills: `raw`, `quarantine` and `duplicates`, one of each per dataset, made from the contracts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pipelines.contracts import LOAD_COLUMNS, canonical_contracts
from pipelines.errors import LoadError
from pipelines.sql import ident

if TYPE_CHECKING:
    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

_SET_ASIDE = """(
    run_id VARCHAR, dataset VARCHAR, partition_date DATE, file_id VARCHAR, file_path VARCHAR, line_number BIGINT,
    raw_text VARCHAR, {what}, set_aside_at TIMESTAMP)"""


def raw_columns(contract: SourceContract | None, canon: SourceContract) -> list[tuple[str, str]]:
    """Name and type of a raw table's columns: those the models read, then the deployment's own, then the loader's."""
    columns = {c.name: c.type for c in canon.columns}
    if contract is not None:
        columns.update({c.name: c.type for c in contract.columns})
    return [*columns.items(), *LOAD_COLUMNS.items()]


def create_tables(connection: duckdb.DuckDBPyConnection, contracts: dict[str, SourceContract]) -> None:
    """Create what is missing and add the columns that a contract gained; all six datasets always have tables."""
    for schema in ("raw", "quarantine", "duplicates"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name, canon in canonical_contracts().items():
        contract = contracts.get(name)
        columns = raw_columns(contract, canon)
        table = ident(name)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS raw.{table} ({', '.join(f'{ident(c)} {t}' for c, t in columns)})"
        )
        have = dict(
            connection.execute("SELECT name, type FROM pragma_table_info(?)", [f"raw.{table}"]).fetchall()
        )
        for column, type_ in columns:
            if column not in have:
                connection.execute(f"ALTER TABLE raw.{table} ADD COLUMN {ident(column)} {type_}")
            elif have[column] != type_:
                raise LoadError(
                    f"raw.{name}.{column} is {have[column]} but the contract now says {type_}; "
                    "rebuild the warehouse from the landing files (docs/operations.md, Rebuild)"
                )
        keys = ", ".join(f"{ident(k)} {dict(columns)[k]}" for k in canon.key)
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{ident(name + '__contested')} ({keys})")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS quarantine.{table} {_SET_ASIDE.format(what='reasons VARCHAR[]')}"
        )
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS duplicates.{table} {_SET_ASIDE.format(what='kind VARCHAR')}"
        )


def contract_hash(contract: SourceContract, settings: Settings) -> str:
    """Changes whenever the same file could load differently: the contract's text or the reporting timezone."""
    text = contract.path.read_bytes() + settings.timezone.encode() + settings.currency.encode()
    return hashlib.sha256(text).hexdigest()[:16]


REASON_KIND = r"regexp_replace(reason, '(?s)\x27.*\x27 (is|does|has)', '… \1')"
"""SQL: the kind of a reason, its example value cut out, for counting; the value may be personal data."""
