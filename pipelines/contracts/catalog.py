"""Which datasets and marts there are.

A dataset is a contract file in `data_contracts/sources` with a staging model `stg_<dataset>` that reads it, a mart is one
in `data_contracts/marts`; nothing else names them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pipelines.contracts import amounts
from pipelines.contracts.columns import problem
from pipelines.contracts.model import MartContract, SourceContract
from pipelines.contracts.parts import NAME
from pipelines.contracts.read import read_mart_contract, read_source_contract
from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR, contract_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.contracts.parts import Column
    from pipelines.settings import Settings

SHIPPED = PROJECT_DIR / "data_contracts"

PUBLISHED_IN = {"customers": "dim_customers", "transactions": "fct_transactions"}
"""The mart in which a dataset's own columns with `publish: true` reach BI."""

MAY_BE_EMPTY = {("transactions", "customer_id")}
"""Columns that the shipped contracts require and a deployment's need not: the models know what an empty one means."""


def source_contracts(settings: Settings) -> dict[str, SourceContract]:
    """The deployment's source contracts by dataset, in load order. An absent optional one is left out.

    Raises:
        ContractError: a contract is wrong, two are of one dataset, or transactions have none.
    """
    folder, canon = settings.contracts / "sources", canonical_contracts()
    found: dict[str, SourceContract] = {}
    for path in contract_files(folder):
        contract = read_source_contract(path, _read_by_models)
        if contract.name in found:
            raise problem(
                path,
                "schema.name",
                f"{contract.name} has a contract already ({found[contract.name].path})",
                "keep one",
            )
        if contract.name in canon:
            _check_against_canon(contract, settings)
            contract = _in_currency(contract, settings.amount_scale)
        else:
            _check_is_staged(settings, contract)
        _check_published(contract)
        found[contract.name] = contract
    if "transactions" not in found:
        raise ContractError(
            f"{folder}: no contract for transactions; `mainstay init DIR` writes commented ones"
        )
    return _in_load_order(found.values())


def _read_by_models(dataset: str) -> tuple[Column, ...]:
    canon = canonical_contracts().get(dataset)
    return canon.columns if canon is not None else ()


@lru_cache
def canonical_contracts(scale: int = amounts.WRITTEN_SCALE) -> dict[str, SourceContract]:
    """The shipped source contracts: the columns and types that the dbt models read. They do not change while a process runs.

    Args:
        scale: The currency's decimals; by default those that the contracts are written for.
    """
    if scale != amounts.WRITTEN_SCALE:
        return {name: _in_currency(c, scale) for name, c in canonical_contracts().items()}
    return _in_load_order(map(read_source_contract, contract_files(SHIPPED / "sources")))


def _in_currency(contract: SourceContract, scale: int) -> SourceContract:
    names = amounts.amount_columns(canonical_contracts()[contract.name])
    return amounts.source_in(contract, names, amounts.amount_type(scale))


def known_contracts(settings: Settings) -> dict[str, SourceContract]:
    """Every dataset that has tables: the deployment's, and the shipped ones that it left out, which stay empty."""
    shipped = canonical_contracts(settings.amount_scale)
    return _in_load_order({**shipped, **source_contracts(settings)}.values())


def canon_of(contract: SourceContract, settings: Settings) -> SourceContract:
    """The shipped contract of the dataset; of a deployment's own dataset its contract itself."""
    return canonical_contracts(settings.amount_scale).get(contract.name, contract)


def _in_load_order(contracts: Iterable[SourceContract]) -> dict[str, SourceContract]:
    """Obligatory datasets first, then by name."""
    return {c.name: c for c in sorted(contracts, key=lambda c: (not c.is_obligatory, c.name))}


def _check_is_staged(settings: Settings, contract: SourceContract) -> None:
    """A dataset that no model reads is a slip of the pen more often than a dataset."""
    if not NAME.match(contract.name) or "__" in contract.name:
        raise problem(
            contract.path,
            "schema.name",
            f"{contract.name!r} is no name for a dataset",
            "use lower-case letters, digits and single _",
        )
    model = f"stg_{contract.name}.sql"
    folders = [PROJECT_DIR / "dbt_project" / "models" / "staging", settings.models / "staging"]
    if not any(folder.is_dir() and any(folder.rglob(model)) for folder in folders):
        raise problem(
            contract.path,
            "schema.name",
            f"unknown dataset {contract.name!r}",
            f"use one of {', '.join(canonical_contracts())}, or write the model {folders[1] / model} that stages it",
        )


def _check_against_canon(contract: SourceContract, settings: Settings) -> None:
    """A deployment may add columns and rules; the columns that models read keep name, type and key.

    The type of an amount may be written as the shipped contract has it, or with the decimals of the currency.
    """
    canon = canonical_contracts()[contract.name]
    if contract.path.resolve() == canon.path.resolve():
        return
    names = {c.name: c for c in contract.columns}
    amount = amounts.amount_type(settings.amount_scale)
    for column in canon.columns:
        needed = amount if column.type == amounts.AMOUNT else column.type
        own = names.get(column.name)
        if own is None and column.required:
            raise problem(
                contract.path,
                f"column {column.name}",
                "missing, and the marts need it",
                "add it, with transformLogic if the source has none",
            )
        if (
            own is not None
            and column.required
            and not own.required
            and (contract.name, column.name) not in MAY_BE_EMPTY
        ):
            raise problem(
                contract.path,
                f"column {column.name}",
                "may be empty, and the marts need it",
                "set required: true",
            )
        if own is not None and own.type not in (column.type, needed):
            why = f", the decimals of {settings.currency}" if needed != column.type else ""
            raise problem(
                contract.path, f"column {column.name}", f"type {own.type}", f"the marts need {needed}{why}"
            )
    if contract.key != canon.key:
        raise problem(contract.path, "primaryKey", f"key {contract.key}", f"the marts need {canon.key}")


def _check_published(contract: SourceContract) -> None:
    """A column that is to be published belongs to a dataset that has a mart, is not in that mart already, and not personal."""
    for column in contract.published_columns:
        place = f"column {column.name}: publish"
        if contract.name not in PUBLISHED_IN:
            raise problem(
                contract.path,
                place,
                f"columns of {contract.name} reach no mart",
                f"only those of {' and '.join(PUBLISHED_IN)} can be published",
            )
        if column.is_personal:
            raise problem(
                contract.path, place, "personal data is never published", "take publish or the class pii away"
            )
        mart = _shipped_mart(PUBLISHED_IN[contract.name])
        if column.name in {c.name for c in mart.columns}:
            raise problem(
                contract.path,
                place,
                f"{mart.name} has a column of that name",
                "take publish away, or give the column another name; physicalName keeps the source's",
            )


@lru_cache
def _shipped_mart(name: str) -> MartContract:
    return read_mart_contract(SHIPPED / "marts" / f"{name}.odcs.yaml")


def published_columns(settings: Settings) -> dict[str, tuple[Column, ...]]:
    """The deployment's own columns that BI sees, by the dataset they come from; only datasets that have some."""
    return {
        name: c.published_columns for name, c in source_contracts(settings).items() if c.published_columns
    }


def mart_contracts(settings: Settings | None = None) -> dict[str, MartContract]:
    """The contracts of the published marts by name: as shipped, or in a deployment's currency and with the columns it adds."""
    contracts = {c.name: c for c in map(read_mart_contract, contract_files(SHIPPED / "marts"))}
    if settings is None:
        return contracts
    scale = settings.amount_scale
    types = amounts.amount_type(scale), amounts.amount_type(amounts.average_scale(scale))
    contracts = {name: amounts.mart_in(c, *types) for name, c in contracts.items()}
    for dataset, columns in published_columns(settings).items():
        mart = contracts[PUBLISHED_IN[dataset]]
        # What the source's contract asks of a value was asked of the loaded row.
        added = (replace(c, required=False, key_position=None, expression=None, quality=()) for c in columns)
        contracts[mart.name] = replace(mart, columns=(*mart.columns, *added))
    return contracts
