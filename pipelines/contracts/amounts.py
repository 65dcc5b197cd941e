"""Amounts: columns whose decimals are those of the reporting currency, whatever its contract is written for.

The shipped contracts are written for a currency of two decimals, as most have. There DECIMAL(18,2) is an amount, and in a
mart DECIMAL(18,4) an average or an estimate in money. For a deployment in yen or dinars the same columns have none or
three decimals; everything from load to report asks `catalog` and gets the types that hold there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelines.contracts.model import MartContract, SourceContract
    from pipelines.contracts.parts import Column

WRITTEN_SCALE = 2
"""Decimals of the currency that the shipped contracts are written for."""

AMOUNT, AVERAGE = "DECIMAL(18,2)", "DECIMAL(18,4)"
"""As the shipped contracts write them."""

AMOUNT_IN_DBT = "DECIMAL(18,{{ var('amount_scale') }})"
AVERAGE_IN_DBT = "DECIMAL(18,{{ var('average_scale') }})"
"""As dbt's property files write them."""


def amount_type(scale: int) -> str:
    """The type of an amount in a currency of that many decimals."""
    return f"DECIMAL(18,{scale})"


def average_scale(scale: int) -> int:
    """Decimals of an average amount: two more than the currency's, so that one just below a bound does not reach it."""
    return max(4, scale + 2)


def amount_columns(canon: SourceContract) -> frozenset[str]:
    """Names of a shipped source contract's amounts."""
    return frozenset(c.name for c in canon.columns if c.type == AMOUNT)


def source_in(contract: SourceContract, amounts: Collection[str], type_: str) -> SourceContract:
    """The contract with the columns of these names as amounts of that type; columns of a deployment's own stay as written."""
    if all(c.type == type_ for c in (*contract.columns, *contract.left_out) if c.name in amounts):
        return contract
    types = dict.fromkeys(amounts, type_)
    return replace(
        contract, columns=_typed(contract.columns, types), left_out=_typed(contract.left_out, types)
    )


def mart_in(contract: MartContract, amount: str, average: str) -> MartContract:
    """The mart's contract with its amounts and averages of these types."""
    types = {
        c.name: amount if c.type == AMOUNT else average
        for c in contract.columns
        if c.type in (AMOUNT, AVERAGE)
    }
    return replace(contract, columns=_typed(contract.columns, types))


def _typed(columns: tuple[Column, ...], types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(replace(c, type=types.get(c.name, c.type)) for c in columns)
