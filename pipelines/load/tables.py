"""Tables that loading fills: `raw`, `quarantine` and `duplicates`, one of each per dataset, made from the contracts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from pipelines.contracts import LOAD_COLUMNS, canonical_contracts, known_contracts
from pipelines.errors import LoadError
from pipelines.quoting import ident
from pipelines.warehouse.connection import columns_by_table
from pipelines.warehouse.engine import require_own
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.reuse import tolerated_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Engine

LOADER_VERSION = 3
"""To be raised with every change of the loader that makes other rows of the same file, so that all are loaded again."""

_NOT_LOADED_BY = {
    "description",
    "classification",
    "quality",
    "is_published",
    "may_be_missing",
    "is_customer_number",
    "is_hidden",
}
"""What a contract's column says that no loaded row depends on; its list of valid values is `allowed`."""

_SET_ASIDE = {
    "run_id": "VARCHAR",
    "dataset": "VARCHAR",
    "partition_date": "DATE",
    "file_id": "VARCHAR",
    "file_path": "VARCHAR",
    "line_number": "BIGINT",
    "raw_text": "VARCHAR",
}
_QUARANTINE = {**_SET_ASIDE, "reasons": "VARCHAR[]", "set_aside_at": "TIMESTAMP", "kind": "VARCHAR"}
"""Its kind: `broken`, the row breaks the contract; `rejected`, the contract's `rejectIf` names it."""
_DUPLICATES = {**_SET_ASIDE, "kind": "VARCHAR", "set_aside_at": "TIMESTAMP"}
"""Its kind: see `keys`."""


def raw_columns(contract: SourceContract) -> list[tuple[str, str]]:
    """Name and type of a raw table's columns: those the models read, then the deployment's own, then the loader's."""
    types = {c.name: c.type for c in (*contract.left_out, *contract.columns)}
    shipped = canonical_contracts().get(contract.name, contract)
    names = dict.fromkeys((*(c.name for c in shipped.columns), *types))
    return [*((name, types[name]) for name in names), *LOAD_COLUMNS.items()]


def tables_of(contract: SourceContract) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The tables that a dataset is loaded into, by schema and name, each with its columns' names and types."""
    columns = raw_columns(contract)
    return {
        ("raw", contract.name): columns,
        ("raw", f"{contract.name}__contested"): [(k, dict(columns)[k]) for k in contract.key],
        ("quarantine", contract.name): list(_QUARANTINE.items()),
        ("duplicates", contract.name): list(_DUPLICATES.items()),
    }


def create_tables(
    connection: duckdb.DuckDBPyConnection, settings: Settings, engine: Engine | None = None
) -> None:
    """Create what is missing and add the columns that a contract gained; every dataset that models read has tables.

    Args:
        connection: To the database.
        settings: The deployment.
        engine: Another than the deployment's, for a database that is not the warehouse.
    """
    engine = engine or engine_of(settings)
    require_own(connection, settings, engine.kept_as)
    for schema in ("raw", "quarantine", "duplicates"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    raw = columns_by_table(connection, ["raw"])
    tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, contract in known_contracts(settings).items():
        columns, have = raw_columns(contract), raw.get(("raw", name), {})
        _retype_empty(connection, engine, name, contract, dict(columns), have)
        check_types(name, columns, have)
        tables |= tables_of(contract)
    engine.keep_tables(connection, settings, tables)


def _retype_empty(
    connection: duckdb.DuckDBPyConnection,
    engine: Engine,
    name: str,
    contract: SourceContract,
    columns: Mapping[str, str],
    have: dict[str, str],
) -> None:
    """Give a raw table without rows, as a rejected first load leaves it, the types that the contract says now."""
    changed = {c: t for c, t in columns.items() if have.get(c, t) != t}
    if not changed or connection.execute(f"SELECT 1 FROM raw.{ident(name)} LIMIT 1").fetchall():
        return
    contested = f"{name}__contested"
    engine.retype(connection, ("raw", name), changed)
    engine.retype(connection, ("raw", contested), {c: t for c, t in changed.items() if c in contract.key})
    have.update(changed)


def check_types(name: str, columns: Sequence[tuple[str, str]], have: Mapping[str, str]) -> None:
    """The dataset's raw table can take what the contract says.

    Raises:
        LoadError: a column has another type there.
    """
    for column, type_ in columns:
        if have.get(column, type_) != type_:
            both = {t.partition("(")[0] for t in (have[column], type_)}
            why = ", an amount's decimals being those of the currency" if both == {"DECIMAL"} else ""
            raise LoadError(
                f"raw.{name}.{column} is {have[column]} but the contract now says {type_}{why}; "
                "rebuild the warehouse from the landing files (docs/operations.md, Rebuild)"
            )


def contract_hash(contract: SourceContract, settings: Settings) -> str:
    """Changes whenever the same file could load differently: what the loader reads of the contract, or the timezone.

    A comment or a description changes nothing: all history would be read again for it.
    """
    basis = {
        "loader": LOADER_VERSION,
        "timezone": settings.timezone,
        "format": contract.format,
        "dialect": asdict(contract.dialect),
        "columns": [
            {f.name: getattr(c, f.name) for f in fields(c) if f.name not in _NOT_LOADED_BY}
            for c in contract.columns
        ],
        "rules": [(rule.name, rule.condition) for rule in contract.rules],
        "reject_if": [(rule.name, rule.condition) for rule in contract.reject_if],
        "ignore_if": [(rule.name, rule.condition) for rule in contract.ignore_if],
        "tolerated_key_reuse_rate": tolerated_rate(contract, settings),
        "business_time": contract.business_time,
        "future_tolerance_days": contract.future_tolerance_days,
        "tolerated_reject_rate": contract.tolerated_reject_rate,
    }
    return hashlib.sha256(json.dumps(basis, default=str).encode()).hexdigest()[:16]


REASON_KIND = r"regexp_replace(reason, '(?s)\x27.*\x27 (is|does|has)', '… \1')"
"""SQL: the kind of a reason, its example value cut out, for counting; the value may be personal data."""
