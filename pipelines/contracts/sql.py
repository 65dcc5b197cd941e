"""What DuckDB cannot run of a contract's patterns, bounds, expressions, rules and conditions."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts.expressions import CLOCK, INSTEAD, left_if_broken, names_in, sandbox
from pipelines.contracts.parts import FILE_COLUMNS, LOAD_COLUMNS
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelines.contracts.model import SourceContract
    from pipelines.contracts.parts import Column

Fault = tuple[str, str]
"""Place and fault."""
_CONDITIONS = ("rule ", "rejectIf ", "ignoreIf ")


def faults(contract: SourceContract) -> Iterator[Fault]:
    """Each pattern, bound, allowed value, expression and condition that cannot be run, with its place.

    Nothing of the contract is run: expressions are parsed, held against what an expression may be, and bound to empty
    rows, in both ways in which a load reads (see `pipelines.load.relation`), by a DuckDB without the file system.
    """
    probes = [probe for column in contract.columns for probe in _value_probes(column)]
    with closing(sandbox()) as connection:
        for place, probe in probes:
            yield from _run(connection, place, probe)
        for place, sql, types, type_ in _expressions(contract):
            if (fault := _unfit(sql, types)) is not None:
                yield place, fault
                continue
            empty = f"(SELECT {', '.join(f'CAST(NULL AS {t}) AS {ident(n)}' for n, t in types.items())})"
            value = f"CAST(({sql}) AS {type_})"
            # A condition is asked as it stands, and a number is no answer.
            asked = f"coalesce(({sql}), false)" if place.startswith(_CONDITIONS) else value
            yield from _run(connection, place, f"SELECT {asked}, TRY({value}) FROM {empty} WHERE false")
    try:
        in_order(contract.columns)
    except ValueError as error:
        yield "transformLogic", str(error)


def _value_probes(column: Column) -> Iterable[tuple[str, str]]:
    place = f"column {column.name}"
    if column.pattern is not None:
        yield f"{place}: pattern {column.pattern!r}", f"SELECT regexp_matches('', {literal(column.pattern)})"
    bounds = (column.minimum, column.maximum, column.exclusive_minimum, column.exclusive_maximum)
    for value in (*(str(b) for b in bounds if b is not None), *(column.allowed or ())):
        yield f"{place}: value {value!r}", f"SELECT CAST({literal(value)} AS {column.type})"


def _expressions(contract: SourceContract) -> Iterator[tuple[str, str, Mapping[str, str], str]]:
    """Place, SQL, the names it may use with their types, and the type it is to have."""
    own = {c.name: c.type for c in (*contract.columns, *contract.left_out)}
    time = contract.business_time
    is_derived = time is not None and any(c.name == time for c in contract.derived_columns)
    # Of a derived business time the business date is known only after all expressions.
    dates = {n: t for n, t in LOAD_COLUMNS.items() if n == "partition_date" or not is_derived}
    dates.pop("file_id", None)  # it differs with each deployment's folders
    seen = {**own, **LOAD_COLUMNS, **FILE_COLUMNS}
    del seen["file_id"]
    for column in contract.derived_columns:
        place = f"column {column.name}: transformLogic"
        yield place, column.expression or "", {**own, **dates, **FILE_COLUMNS}, column.type
    for kind, rules in (
        ("rule", contract.rules),
        ("rejectIf", contract.reject_if),
        ("ignoreIf", contract.ignore_if),
    ):
        for rule in rules:
            yield f"{kind} {rule.name}", rule.condition, seen, "BOOLEAN"


def _unfit(sql: str, types: Mapping[str, str]) -> str | None:
    """Why the text is no expression over a row with these columns."""
    try:
        named = names_in(sql)
    except ValueError as error:
        return str(error)
    unknown = sorted(named - set(types))
    if not unknown:
        return None
    if unknown[0] in CLOCK:
        return f"{unknown[0]} is not of the row; {INSTEAD}"
    return f"there is no column {unknown[0]!r}; use one of {', '.join(types)}"


def _run(connection: duckdb.DuckDBPyConnection, place: str, probe: str) -> Iterator[Fault]:
    try:
        with left_if_broken():
            connection.execute(probe)
    except duckdb.Error as error:
        yield place, str(error).splitlines()[0]


def in_order(columns: Iterable[Column]) -> list[list[Column]]:
    """The derived columns, each after those that its expression names.

    Raises:
        ValueError: expressions name each other in a circle.
    """
    left = [c for c in columns if c.expression is not None]
    levels: list[list[Column]] = []
    while left:
        waiting = {c.name for c in left}
        level = [c for c in left if not names_in(c.expression or "") & waiting]
        if not level:
            circle = ", ".join(sorted(waiting))
            raise ValueError(f"{circle}: the expressions name each other or themselves; name a source column")
        levels.append(level)
        left = [c for c in left if c not in level]
    return levels
