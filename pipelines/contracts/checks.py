"""What can be wrong inside a source contract beyond its shape: its settings, and the SQL, patterns and formats in it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.contracts.columns import problem
from pipelines.contracts.model import LOAD_COLUMNS
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelines.contracts.model import Column, RowRule, SourceContract


def check_properties(contract: SourceContract) -> None:
    """The contract-level settings: known names and values of their type."""
    path, properties = contract.path, contract.properties
    kinds: dict[str, tuple[type[Any] | tuple[type[Any], ...], str]] = {
        "obligatory": (bool, "true or false"),
        "toleratedRejectRate": ((int, float), "a share from 0 to 1"),
        "businessTime": (str, "a column's name"),
        "futureToleranceDays": (int, "a whole number of days"),
        "ignoreColumns": (list, "a list of the files' column names"),
    }
    for name, value in properties.items():
        if name not in kinds:
            raise problem(
                path, f"customProperties.{name}", "unknown setting", f"use one of {', '.join(kinds)}"
            )
        kind, meant = kinds[name]
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            raise problem(path, f"customProperties.{name}", f"{value!r} is not {meant}", f"give {meant}")
    if not 0 <= contract.tolerated_reject_rate <= 1:
        raise problem(
            path,
            "customProperties.toleratedRejectRate",
            f"{contract.tolerated_reject_rate} is no share",
            "use 0 to 1",
        )
    if contract.future_tolerance_days < 0:
        raise problem(
            path,
            "customProperties.futureToleranceDays",
            f"{contract.future_tolerance_days} days",
            "use 0 or more",
        )
    _check_ignored(contract)
    for column in contract.columns:
        if column.name in LOAD_COLUMNS:
            raise problem(
                path,
                f"column {column.name}",
                "the name is Mainstay's own",
                "choose another; physicalName keeps the source's",
            )
    time = contract.business_time
    if time is None:
        return
    if time not in {c.name for c in contract.columns}:
        raise problem(
            path, "customProperties.businessTime", f"no column {time!r}", "name a DATE or TIMESTAMP column"
        )
    if contract.column(time).type not in ("DATE", "TIMESTAMP"):
        raise problem(
            path,
            "customProperties.businessTime",
            f"{time} is {contract.column(time).type}",
            "name a DATE or TIMESTAMP column",
        )
    if not contract.column(time).required:
        raise problem(
            path, f"column {time}", "it gives the business date but may be empty", "set required: true"
        )


def _check_ignored(contract: SourceContract) -> None:
    """Columns that are ignored must be names, and none that the contract reads."""
    read = {column.source_name for column in contract.source_columns}
    for name in contract.ignored_columns:
        if not isinstance(name, str) or name in read:
            raise problem(
                contract.path,
                "customProperties.ignoreColumns",
                f"{name!r} is {'a column that the contract reads' if name in read else 'no text'}",
                "name columns of the files that no column of the contract reads",
            )


def sql_faults(
    columns: Iterable[Column], rules: Iterable[RowRule], added: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    """Place and fault of each pattern, bound, allowed value, expression and rule that DuckDB cannot run.

    Args:
        columns: the contract's columns.
        rules: the contract's row rules.
        added: columns and types that rules and expressions see besides the contract's own.
    """
    columns = tuple(columns)
    types = {**added, **{c.name: c.type for c in columns}}
    empty = "(SELECT " + ", ".join(f"CAST(NULL AS {t}) AS {ident(n)}" for n, t in types.items()) + ")"
    probes: list[tuple[str, str]] = []
    for column in columns:
        place = f"column {column.name}"
        if column.pattern is not None:
            probes.append(
                (
                    f"{place}: pattern {column.pattern!r}",
                    f"SELECT regexp_matches('', {literal(column.pattern)})",
                )
            )
        bounds = (column.minimum, column.maximum, column.exclusive_minimum, column.exclusive_maximum)
        values = [*(str(b) for b in bounds if b is not None), *(column.allowed or ())]
        probes += [(f"{place}: value {v!r}", f"SELECT CAST({literal(v)} AS {column.type})") for v in values]
        if column.expression is not None:
            probes.append(
                (
                    f"{place}: transformLogic",
                    f"SELECT *, CAST(({column.expression}) AS {column.type}) FROM {empty} WHERE false",
                )
            )
    probes += [(f"rule {r.name}", f"SELECT * FROM {empty} WHERE ({r.condition}) AND false") for r in rules]
    with closing(duckdb.connect(config={"threads": 1})) as connection:
        for place, probe in probes:
            try:
                connection.execute(probe)
            except duckdb.Error as error:
                yield place, str(error).splitlines()[0]
