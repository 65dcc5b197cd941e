"""Whether the bare script and Mainstay did the same work: every mart that both make, every column.

Each table is compared by its row count and one figure per column. Columns that are exact (text, dates, decimals,
whole numbers) must give the same sum of hashes of key and value. Binary fractions may differ in the last
digits, as sums are added in another order, so their sum weighted by the key must agree to one part in 10⁸.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.contracts import MartContract, mart_contracts
from pipelines.quoting import ident, literal

RELATIVE_TOLERANCE = 1e-8
"""An interval of a small gain is the difference of nearly equal figures, which loses digits."""

FITTED = {"customer_retention", "customer_value", "model_calibration", "model_fits"}
"""Marts of the step `fit`: plain SQL cannot make them."""

MAINSTAY_ALONE = ("care", "points", "offers")
"""Domains whose marts the bare script does not make."""

OF_THE_LEDGER = {"data_quality_loads"}
"""Marts of what loading has noted: the bare script notes nothing."""


def compared_marts() -> dict[str, MartContract]:
    """The marts that both make, by name."""
    return {
        name: contract
        for name, contract in mart_contracts().items()
        if name not in FITTED | OF_THE_LEDGER and contract.domain not in MAINSTAY_ALONE
    }


def differences(mainstay: Path, bare: Path) -> list[str]:
    """One line per mart's column that differs; none when the two warehouses hold the same marts."""
    found = []
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(mainstay))} as mainstay (read_only)")
        connection.execute(f"attach {literal(str(bare))} as bare (read_only)")
        for name, contract in compared_marts().items():
            columns = [(c.name, c.type) for c in contract.columns]
            ours, theirs = (
                _figures(connection, base, name, columns, contract.key) for base in ("mainstay", "bare")
            )
            for (column, type_), left, right in zip([("rows", ""), *columns], ours, theirs, strict=True):
                if not _agree(left, right, is_binary=type_ == "DOUBLE"):
                    found.append(f"{name}.{column}: Mainstay {left}, bare script {right}")
    return found


def _figures(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    table: str,
    columns: list[tuple[str, str]],
    key: list[str] | tuple[str, ...],
) -> list[float | int | None]:
    keys = ", ".join(map(ident, key))
    figures = ["count(*)"]
    for name, type_ in columns:
        if type_ == "DOUBLE":
            figures.append(f"sum({ident(name)} * (1 + hash({keys}) % 1009))")
        else:
            figures.append(f"sum(hash({keys}, cast({ident(name)} as {type_})))")
    row = connection.execute(f"select {', '.join(figures)} from {base}.marts.{ident(table)}").fetchone()
    return list(row or ())


def _agree(left: float | int | None, right: float | int | None, *, is_binary: bool) -> bool:
    if left is None or right is None or not is_binary:
        return left == right
    return abs(left - right) <= RELATIVE_TOLERANCE * max(abs(left), abs(right))
