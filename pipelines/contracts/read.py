"""Reads contract files: ODCS v3.1, with the standard's own package, into checked `SourceContract`s and `MartContract`s."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject
from pydantic import ValidationError

from pipelines.contracts.checks import check_csv_shape, check_properties, read_set_aside
from pipelines.contracts.columns import custom_values, problem, read_columns
from pipelines.contracts.dialect import read_dialect
from pipelines.contracts.expectations import check_expectations
from pipelines.contracts.location import location_parts
from pipelines.contracts.model import MartContract, SourceContract
from pipelines.contracts.parts import FORMATS, RowRule
from pipelines.contracts.sql import faults
from pipelines.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.contracts.parts import Column


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ContractError:
    return ContractError(f"{path}: the contract cannot be read: {error}; it is a YAML file in UTF-8")


def _parsed(path: Path, text: str) -> tuple[OpenDataContractStandard, SchemaObject]:
    try:
        # As the standard's own `from_string`, but with the parser in C: it takes a tenth of the time.
        document = OpenDataContractStandard(**yaml.load(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise problem(path, place, first["msg"], "see the Open Data Contract Standard v3.1") from error
    tables = document.schema_ or []
    if len(tables) != 1:
        raise problem(path, "schema", f"{len(tables)} tables", "a Mainstay contract describes exactly one")
    if not tables[0].properties:
        raise problem(path, "schema", "no properties", "name the table's columns")
    return document, tables[0]


def _no_columns(dataset: str) -> tuple[Column, ...]:
    del dataset
    return ()


def read_source_contract(
    path: Path, read_by_models: Callable[[str], tuple[Column, ...]] = _no_columns
) -> SourceContract:
    """Read and check a source contract.

    Args:
        path: the contract.
        read_by_models: gives a dataset's columns that the models read, for those that the contract leaves out.
    """
    return _source_contract(path, _text(path), read_by_models)


@lru_cache(maxsize=256)
def _source_contract(
    path: Path, text: str, read_by_models: Callable[[str], tuple[Column, ...]]
) -> SourceContract:
    """A file that says the same is read once in a process."""
    document, table = _parsed(path, text)
    columns = read_columns(path, table)
    server = document.servers[0] if document.servers else None
    if server is None or not server.path:
        raise problem(
            path,
            "servers",
            "no location",
            "give one server of type local with a path such as transactions/{date}/*.csv",
        )
    try:
        location_parts(server.path)
    except ValueError as error:
        raise problem(path, "servers.path", f"location {server.path!r}", str(error)) from error
    if server.format not in FORMATS:
        raise problem(
            path,
            "servers.format",
            f"format {server.format!r} is not supported",
            f"use one of {', '.join(FORMATS)}",
        )
    rules = []
    for quality in table.quality or []:
        if quality.type == "custom" and quality.engine == "mainstay":
            if not isinstance(quality.implementation, str) or not quality.name:
                raise problem(
                    path, "quality", "a mainstay rule needs a name and an SQL condition", "give both"
                )
            rules.append(RowRule(quality.name, quality.description or quality.name, quality.implementation))
    settings = custom_values(document.customProperties)
    own = {c.name for c in columns}
    contract = SourceContract(
        path=path,
        document=document,
        table=table,
        columns=columns,
        location=server.path,
        format=server.format,
        dialect=read_dialect(path, server),
        rules=tuple(rules),
        reject_if=read_set_aside(path, "rejectIf", settings.get("rejectIf")),
        ignore_if=read_set_aside(path, "ignoreIf", settings.get("ignoreIf")),
        left_out=tuple(c for c in read_by_models(str(table.name)) if c.name not in own),
    )
    check_csv_shape(contract)
    if not contract.key:
        raise problem(path, "schema", "no primaryKey", "name the columns that tell one row from another")
    check_properties(contract)
    for place, fault in faults(contract):
        raise problem(path, place, fault, "mend it in the contract")
    check_expectations(contract, [c.name for c in contract.left_out])
    return contract


def read_mart_contract(path: Path) -> MartContract:
    """Read and check a mart's contract."""
    return _mart_contract(path, _text(path))


@lru_cache(maxsize=256)
def _mart_contract(path: Path, text: str) -> MartContract:
    document, table = _parsed(path, text)
    contract = MartContract(path=path, document=document, table=table, columns=read_columns(path, table))
    if not contract.grain.startswith("One row per"):
        raise problem(path, "dataGranularityDescription", "no grain", 'start with "One row per"')
    check_expectations(contract)
    return contract
