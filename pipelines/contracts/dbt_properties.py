"""Writes dbt's property files from the data contracts, so that no column is described twice.

From the source contracts comes `models/staging/_sources.yml`; from each mart's contract the `<mart>.yml`
beside its model: an enforced model contract, the descriptions, the key and the references to other marts.
Nulls, ranges and allowed values are left to Great Expectations, which reads the same contracts. The decimals
of an amount are a dbt variable, as they are the currency's (see `amounts`). Run it with `make docs` after a
change; a test compares the files with the contracts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from pipelines.contracts import MartContract, amounts, canonical_contracts, mart_contracts
from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.contracts import Column, SourceContract

DBT_PROJECT = PROJECT_DIR / "dbt_project"
HEADER = "# Written by `make docs` from {source}; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as the hand-written files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(document: dict[str, Any], source: str) -> str:
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return HEADER.format(source=source) + body


def sources_yml(contracts: Iterable[SourceContract], folder: str = "data_contracts/sources") -> str:
    """The text of `_sources.yml`: source `raw` with each dataset's table and its list of contested keys."""
    tables: list[dict[str, Any]] = []
    for contract in contracts:
        columns = [
            {"name": c.name, "data_type": c.type, "description": c.description} for c in contract.columns
        ]
        columns += [
            {"name": "business_date", "data_type": "DATE", "description": "Local date on which it happened."},
            {"name": "partition_date", "data_type": "DATE", "description": "Date of the landing folder."},
            {"name": "file_id", "data_type": "VARCHAR", "description": "The file's number in ops.files."},
        ]
        tables.append({"name": contract.name, "description": contract.grain, "columns": columns})
        keys = [{"name": name, "data_type": contract.column(name).type} for name in contract.key]
        tables.append(
            {
                "name": f"{contract.name}__contested",
                "description": f"One row per key of {contract.name} that stands in more than one partition.",
                "columns": keys,
            }
        )
    if not tables:
        raise ContractError("no source contract found; dbt's sources cannot be written")
    source = {
        "name": "raw",
        "schema": "raw",
        "description": "Rows as loaded, typed by contract.",
        "tables": tables,
    }
    return _text({"version": 2, "sources": [source]}, folder)


def _references(contract: MartContract, column: Column) -> list[dict[str, Any]]:
    """The column's foreign keys, as dbt relationships tests."""
    prop = next(p for p in contract.table.properties or [] if p.name == column.name)
    tests = []
    for relationship in prop.relationships or []:
        target = relationship.to
        if not isinstance(target, str) or target.count(".") != 1:
            raise ContractError(
                f"{contract.path}: column {column.name}: relationship to {target!r}; write it as mart.column"
            )
        mart, field = target.split(".")
        tests.append({"relationships": {"arguments": {"to": f"ref('{mart}')", "field": field}}})
    return tests


def mart_yml(contract: MartContract) -> str:
    """The text of a mart's yml: enforced contract, descriptions, key, references."""
    columns: list[dict[str, Any]] = []
    spine = contract.properties.get("timeSpine")
    for column in contract.columns:
        entry: dict[str, Any] = {
            "name": column.name,
            "data_type": column.type,
            "description": column.description,
        }
        if column.name in contract.key:
            entry["constraints"] = [{"type": "not_null"}]
        if tests := _references(contract, column):
            entry["data_tests"] = tests
        if column.name == spine:
            entry["granularity"] = "day"
        columns.append(entry)
    model: dict[str, Any] = {
        "name": contract.name,
        "description": f"{contract.grain} {contract.table.description or ''}".strip(),
        "config": {"contract": {"enforced": True}},
    }
    if spine:
        model["time_spine"] = {"standard_granularity_column": spine}
    if contract.key:
        model["data_tests"] = [{"unique_grain": {"arguments": {"columns": list(contract.key)}}}]
    model["columns"] = columns
    return _text({"version": 2, "models": [model]}, f"data_contracts/marts/{contract.path.name}")


def render(dbt_project: Path = DBT_PROJECT) -> dict[Path, str]:
    """The generated files' texts by path.

    Raises:
        ContractError: A contract cannot be used, none was found, or a mart's model is not in its domain's folder.
    """
    marts = mart_contracts()
    if not marts:
        raise ContractError("no mart contract below data_contracts/marts; dbt's properties cannot be written")
    sources = [
        amounts.source_in(c, amounts.amount_columns(c), amounts.AMOUNT_IN_DBT)
        for c in canonical_contracts().values()
    ]
    files = {dbt_project / "models" / "staging" / "_sources.yml": sources_yml(sources)}
    for shipped in marts.values():
        contract = amounts.mart_in(shipped, amounts.AMOUNT_IN_DBT, amounts.AVERAGE_IN_DBT)
        model = dbt_project / "models" / "marts" / contract.domain / f"{contract.name}.sql"
        if not model.is_file():
            raise ContractError(f"{contract.path}: no model {model}; write it or mend the domain")
        files[model.with_suffix(".yml")] = mart_yml(contract)
    return files
