"""A contract's conditions over a row as SQL: rows that are not ours, expressions and rules that fail, a row's place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.contracts import RowRule, SourceContract


@dataclass(frozen=True)
class Rule:
    """A condition that a good row meets, and the SQL text that says why a row does not."""

    condition: str
    reason: str


def is_one_of(conditions: Sequence[RowRule]) -> str:
    """SQL: one of the conditions is true of the row."""
    return f"coalesce({' OR '.join(f'({c.condition})' for c in conditions) or 'false'}, false)"


def file_columns(contract: SourceContract, name: str, line: str) -> str:
    """SQL that names a row's file and line where the contract's expressions ask for them, to be carried along."""
    values = {"file_name": name, "file_line": line}
    return "".join(f", {values[column]} AS {column}" for column in contract.file_columns)


def rejecting_rules(contract: SourceContract) -> list[Rule]:
    """That no condition of `rejectIf` is true of the row."""
    return [
        Rule(f"NOT {is_one_of([rule])}", literal(f"{rule.name}: {rule.description}"))
        for rule in contract.reject_if
    ]


def without_failing(contract: SourceContract) -> SourceContract:
    """The contract with expressions and conditions that give NULL instead of stopping where they fail."""

    def guarded(rules: Sequence[RowRule]) -> tuple[RowRule, ...]:
        return tuple(replace(r, condition=f"TRY(CAST(({r.condition}) AS BOOLEAN))") for r in rules)

    columns = tuple(
        replace(c, expression=f"TRY(CAST(({c.expression}) AS {c.type}))") if c.expression is not None else c
        for c in contract.columns
    )
    return replace(
        contract,
        columns=columns,
        rules=guarded(contract.rules),
        reject_if=guarded(contract.reject_if),
        ignore_if=guarded(contract.ignore_if),
    )


def failing_rules(contract: SourceContract) -> list[Rule]:
    """Of expressions, and of conditions that set rows aside: they do not fail. A row rule that fails is not true."""
    sqls = [(c.name, f"CAST(({c.expression}) AS {c.type})", "expression") for c in contract.derived_columns]
    sqls += [
        (r.name, f"CAST(({r.condition}) AS BOOLEAN)", "condition")
        for r in (*contract.reject_if, *contract.ignore_if)
    ]
    return [
        Rule(f"(TRY(({sql}) IS NULL) IS NOT NULL)", literal(f"{name}: its {what} fails on this row"))
        for name, sql, what in sqls
    ]
