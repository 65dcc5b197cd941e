"""The policy files as dbt loads them: each column's type, and whether a file's values arrive as they stand in it."""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.contracts.amounts import amount_type
from pipelines.errors import SettingsError
from pipelines.quoting import ident, literal
from pipelines.settings import SHIPPED_POLICIES

if TYPE_CHECKING:
    from pipelines.settings import Settings

AMOUNT = "amount"
"""In place of a type: that of an amount in the reporting currency."""

SEEDS: dict[str, dict[str, str]] = {
    "tier_policy": {
        "valid_from": "date",
        "tier": "string",
        "label_zh": "string",
        "label_en": "string",
        "tier_rank": "integer",
        "lower_bound": AMOUNT,
    },
    "margin_rates": {"category": "string", "margin_rate": "decimal(9,6)"},
    "peer_attributes": {"level": "integer", "attribute": "string"},
    "defection_topics": {"topic": "string", "reason": "string"},
    "care_policy": {"tier": "string", "contact_kind": "string", "day": "integer", "channel": "string"},
    "points_rates": {
        "valid_from": "date",
        "category": "string",
        "points_per_currency_unit": "decimal(9,6)",
    },
    "points_multipliers": {"valid_from": "date", "tier": "string", "multiplier": "decimal(9,6)"},
    "points_expectations": {
        "valid_from": "date",
        "points_value": "decimal(9,6)",
        "expected_redemption_rate": "decimal(9,6)",
    },
}
"""By file, in the order of its columns; `dbt_project.yml` has the same."""

OPTIONAL = frozenset(
    {"defection_topics", "care_policy", "points_rates", "points_multipliers", "points_expectations"}
)
"""Files that a deployment may leave out; the shipped one counts then."""


def policy_file(settings: Settings, name: str) -> Path:
    """The file of a policy: the deployment's, or the shipped one where an optional one is left out."""
    own = settings.policies / f"{name}.csv"
    return SHIPPED_POLICIES / own.name if name in OPTIONAL and not own.exists() else own


def seed_types(name: str, scale: int) -> dict[str, str]:
    """Types of a policy file's columns, in their order, where amounts have so many decimals; as `dbt_project.yml` has them."""
    amount = amount_type(scale).lower()
    return {column: amount if type_ == AMOUNT else type_ for column, type_ in SEEDS[name].items()}


def check_loaded(path: Path, rows: list[tuple[int, dict[str, Any]]], scale: int) -> None:
    """Load a policy file as dbt's seeds do, and hold the values against those that were read.

    Args:
        path: The file.
        rows: Line and values of each row, as read.
        scale: Decimals of an amount.

    Raises:
        SettingsError: dbt could not load the file, or would read something else.
    """
    try:
        loaded = _as_loaded(path.name, path.read_bytes(), scale)
    except _NotLoadedError as error:
        raise SettingsError(
            f"{path}: the file cannot be loaded as it stands: {error}; write plain CSV, quotes only around a field"
        ) from error
    if len(loaded) != len(rows):
        raise SettingsError(
            f"{path}: {len(rows)} rows are written and {len(loaded)} would be loaded; take out empty lines and "
            "line breaks within a field"
        )
    for (line, row), values in zip(rows, loaded, strict=True):
        for (name, written), value in zip(row.items(), values, strict=True):
            if value != written:
                raise SettingsError(
                    f"{path}:{line}: {name} {written!s:.60} would be loaded as {value!s:.60}; "
                    "write it without quotes and special signs"
                )


class _NotLoadedError(Exception):
    """What DuckDB says of a file that it cannot load."""


@lru_cache(maxsize=64)
def _as_loaded(name: str, content: bytes, scale: int) -> tuple[tuple[Any, ...], ...]:
    """The rows of a policy file as dbt's seeds have them; a file that says the same is loaded once in a process."""
    types = seed_types(Path(name).stem, scale).items()
    definition = ", ".join(f"{ident(column)} {type_}" for column, type_ in types)
    with closing(duckdb.connect()) as connection, TemporaryDirectory() as folder:
        connection.execute(f"CREATE TABLE seed ({definition})")
        copy = Path(folder) / name  # DuckDB takes signs of a folder's name for a pattern
        copy.write_bytes(content)
        try:
            # As dbt-duckdb's duckdb__load_csv_rows has it.
            connection.execute(
                f"COPY seed FROM {literal(str(copy))} (FORMAT CSV, HEADER TRUE, DELIMITER ',')"
            )
        except duckdb.Error as error:
            raise _NotLoadedError(str(error).splitlines()[0].replace(str(copy), name)) from error
        return tuple(connection.execute("SELECT * FROM seed ORDER BY rowid").fetchall())
