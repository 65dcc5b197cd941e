"""The rules of a contract in the words of a person who reads a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.contracts.markdown import cell, code

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

    from pipelines.contracts.model import Contract
    from pipelines.contracts.parts import Column


def rule_in_words(rule: DataQuality) -> str | None:
    """A data quality rule in words; None for the allowed values, which stand with their column."""
    if rule.description:
        return cell(rule.description)
    if rule.type == "custom" and rule.engine == "mainstay":
        return f"{rule.name}: {code(rule.implementation)}"
    if rule.type == "custom":
        wanted: Any = rule.implementation
        kwargs = ", ".join(f"{k}={v}" for k, v in (wanted.get("kwargs") or {}).items())
        return f"{code(wanted['type'])} ({cell(kwargs)})"
    if rule.metric == "invalidValues" and "validValues" in (rule.arguments or {}):
        return None
    bounds = {
        name: value for name, value in rule.model_dump(exclude_none=True).items() if name.startswith("must")
    }
    if rule.metric == "rowCount" and bounds == {"mustBeGreaterThan": 0}:
        return "The table is not empty."
    unit = " percent" if rule.unit == "percent" else ""
    said = "; ".join(f"{_words(name)} {value}{unit}" for name, value in bounds.items())
    return f"{_words(rule.metric or rule.type or 'rule')} {said}"


def _words(name: str) -> str:
    """`mustBeGreaterThan` as words."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def column_rules(contract: Contract, column: Column) -> str:
    """What must hold of a column's values, and what else a reader should know of them."""
    said = ["always filled"] if column.required else []
    if column.pattern is not None:
        said.append(f"matches {code(column.pattern)}")
    for value, what in (
        (column.min_length, "at least {} characters"),
        (column.max_length, "at most {} characters"),
        (column.minimum, "≥ {}"),
        (column.exclusive_minimum, "> {}"),
        (column.maximum, "≤ {}"),
        (column.exclusive_maximum, "< {}"),
    ):
        if value is not None:
            said.append(what.format(value))
    if column.allowed is not None:
        said.append("one of " + ", ".join(map(code, column.allowed)))
    if column.format is not None:
        said.append(f"written as {code(column.format)}")
    if column.may_be_missing:
        said.append("files without it are good")
    if column.expression is not None:
        said.append(f"derived: {code(column.expression)}")
    said += [text for rule in column.quality if (text := rule_in_words(rule))]
    prop = next(p for p in contract.table.properties or [] if p.name == column.name)
    said += [f"refers to {code(relationship.to)}" for relationship in prop.relationships or []]
    if column.is_personal:
        said.append("personal data, never published")
    return "; ".join(said)
