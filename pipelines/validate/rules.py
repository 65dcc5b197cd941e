"""From a contract's columns and data quality rules to checks. `suites` says which stage has which."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.errors import ContractError
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from open_data_contract_standard.model import DataQuality

    from pipelines.contracts import Column, Contract, SourceContract

METRICS = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues")
_OPERATORS = {
    "mustBe": "observed = {0}",
    "mustNotBe": "observed <> {0}",
    "mustBeGreaterThan": "observed > {0}",
    "mustBeGreaterOrEqualTo": "observed >= {0}",
    "mustBeLessThan": "observed < {0}",
    "mustBeLessOrEqualTo": "observed <= {0}",
    "mustBeBetween": "observed between {0} and {1}",
    "mustNotBeBetween": "observed not between {0} and {1}",
}
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


@dataclass(frozen=True)
class Check:
    """One expectation to be: its Great Expectations type and arguments, its column and its contract."""

    type: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    column: str | None = None
    origin: str = "Mainstay"
    """Where a person finds the rule, for messages."""
    description: str | None = None
    severity: str = "error"
    """`error` stops the run, `warning` is told and stops nothing."""


def query(
    type_: str,
    sql: str,
    column: str | None = None,
    origin: str = "Mainstay",
    description: str = "",
    severity: str = "error",
) -> Check:
    """A check that a query over `<batch>` returns no rows. Braces and colons in the SQL mean themselves."""
    text = sql.replace("{", "{{").replace("}", "}}").replace("<batch>", "{batch}")
    text = _BIND.sub(r"\:", text)
    if "{batch}" not in text:  # GX prints a warning at each query that leaves it out
        text += " /* {batch} */"
    return Check(type_, {"unexpected_rows_query": text}, column, origin, description or None, severity)


def view_of(suite: str) -> str:
    """Name of the temporary view that holds a suite's batch."""
    return "batch_" + suite.replace(".", "__")


def column_types(suite: str, columns: Iterable[tuple[str, str]], origin: str) -> Check:
    """The columns are there with these types, whatever else is there."""
    expected = ", ".join(f"({literal(name)}, {literal(type_)})" for name, type_ in columns)
    return query(
        "expect_column_types_to_match_contract",
        "select expected.column_name, expected.contract_type, found.data_type as found_type "
        f"from (values {expected}) as expected(column_name, contract_type) "
        "left join (select column_name, data_type from duckdb_columns() "
        f"where table_name = {literal(view_of(suite))}) as found "
        "on found.column_name = expected.column_name "
        "where found.data_type is distinct from expected.contract_type",
        origin=origin,
        description="The contract's columns are there with the contract's types.",
    )


def unique_key(key: Iterable[str], origin: str) -> Check:
    """No two rows of the batch share a key."""
    names = ", ".join(map(ident, key))
    return query(
        "expect_key_to_be_unique",
        # Grouping by a hash first is twice as fast; two keys of one hash are told apart by the outer grouping.
        f"select {names}, count(*) as rows_of_this_key from <batch> where hash({names}) in "
        f"(select hash({names}) as h from <batch> group by h having count(*) > 1) "
        f"group by {names} having count(*) > 1 limit 20",
        column=", ".join(key),
        origin=origin,
        description="No two rows share the key.",
    )


def usual_row_count(contract: SourceContract, days: Iterable[date]) -> Check:
    """Each date has about as many rows as the median of the same weekday in the eight weeks before, where four are there.

    What chance alone does to small counts, three times the square root, is not unusual.
    """
    kept = 1 - contract.unusual_volume
    listed = ", ".join(f"date {literal(day.isoformat())}" for day in sorted(days))
    return query(
        "expect_row_count_to_be_usual",
        "with dates as (select partition_date, cast(sum(loaded) as bigint) as loaded_rows from ops.files "
        f"where dataset = {literal(contract.name)} and status = 'loaded' group by partition_date), "
        "compared as (select d.partition_date, d.loaded_rows, median(b.loaded_rows) as usual_rows from dates as d "
        "inner join dates as b on b.partition_date between d.partition_date - 56 and d.partition_date - 1 "
        "and isodow(b.partition_date) = isodow(d.partition_date) "
        f"where d.partition_date in ({listed}) group by all having count(*) >= 4) "
        "select * from compared where abs(loaded_rows - usual_rows) > 3 * sqrt(greatest(usual_rows, 1)) "
        f"and (loaded_rows < {kept} * usual_rows or loaded_rows * {kept} > usual_rows) order by all limit 20",
        origin=f"{contract.path}: unusualVolume",
        description=f"Rows of a date within {kept:.0%} and {1 / kept:.0%} of the same weekday's median.",
        severity="error" if contract.is_unusual_volume_fatal else "warning",
    )


def row_count_at_least(minimum: int, origin: str) -> Check:
    """At least so many rows."""
    return Check("expect_table_row_count_to_be_between", {"min_value": minimum}, origin=origin)


def not_null(column: str, origin: str, mostly: float = 1.0) -> Check:
    """No value is missing, or at most the share 1 - `mostly`."""
    return Check("expect_column_values_to_not_be_null", {"column": column, "mostly": mostly}, column, origin)


def _of_type(column: Column, value: Any) -> Any:
    """A bound or allowed value in the column's own type; the contract may write it as text."""
    kind = column.type.partition("(")[0]
    if kind == "DATE" and not isinstance(value, date):
        return date.fromisoformat(str(value))
    if kind == "TIMESTAMP" and not isinstance(value, datetime):
        return datetime.fromisoformat(str(value))
    if kind in ("INTEGER", "BIGINT", "DOUBLE", "DECIMAL"):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value).lower() == "true" if kind == "BOOLEAN" else value


def column_checks(contract: Contract, column: Column) -> list[Check]:
    """Required, pattern, length, range and allowed values of a column. Empty optional values pass."""
    origin, name = f"{contract.path}: column {column.name}", column.name
    checks = [not_null(name, origin)] if column.required else []

    def add(type_: str, **kwargs: Any) -> None:
        kept = {k: v for k, v in kwargs.items() if v is not None}
        checks.append(Check(type_, {"column": name, **kept}, name, origin))

    if column.pattern is not None:
        add("expect_column_values_to_match_regex", regex=column.pattern)
    if column.min_length is not None or column.max_length is not None:
        add(
            "expect_column_value_lengths_to_be_between",
            min_value=column.min_length,
            max_value=column.max_length,
        )
    try:
        for low, high, strict in (
            (column.minimum, column.maximum, None),
            (column.exclusive_minimum, column.exclusive_maximum, True),
        ):
            if low is not None or high is not None:
                add(
                    "expect_column_values_to_be_between",
                    min_value=None if low is None else _of_type(column, low),
                    max_value=None if high is None else _of_type(column, high),
                    strict_min=strict if low is not None else None,
                    strict_max=strict if high is not None else None,
                )
        if column.allowed is not None:
            add("expect_column_values_to_be_in_set", value_set=[_of_type(column, v) for v in column.allowed])
    except ValueError as error:
        raise ContractError(
            f"{origin}: a bound or allowed value is no {column.type}: {error}; mend the contract"
        ) from error
    for rule in column.quality:
        if not (rule.metric == "invalidValues" and rule.mustBe == 0 and column.allowed is not None):
            checks += quality_checks(contract, rule, column)
    return checks


def table_checks(contract: Contract, counted: str | None = None) -> list[Check]:
    """The table's own data quality rules, without the loader's row rules (`engine: mainstay`).

    Args:
        contract: whose rules.
        counted: SQL name of the table whose rows `rowCount` counts; default the batch itself.
    """
    checks = []
    for rule in contract.quality:
        if (
            counted is not None
            and (rule.metric or rule.rule) == "rowCount"
            and rule.type in (None, "library")
        ):
            checks.append(_whole_count(contract, rule, counted))
        else:
            checks += quality_checks(contract, rule)
    return checks


def _whole_count(contract: Contract, rule: DataQuality, table: str) -> Check:
    origin = f"{contract.path}: quality {rule.name or rule.metric}"
    condition, operator, values = _condition(origin, rule)
    return query(
        "expect_metric_to_keep_rule",
        f"select observed from (select count(*) as observed from {table}) as measured where ({condition}) is not true",
        origin=origin,
        description=_described("rowCount", operator, values),
    )


def quality_checks(contract: Contract, rule: DataQuality, column: Column | None = None) -> list[Check]:
    """The checks of one ODCS data quality rule; its `severity` warning or info stops no run.

    Raises:
        ContractError: Mainstay cannot check a rule of that kind; the text names file and rule.
    """
    checks = _checks_of_rule(contract, rule, column)
    is_warning = str(rule.severity or "").lower() in ("warning", "info")
    return [replace(check, severity="warning") for check in checks] if is_warning else checks


def _checks_of_rule(contract: Contract, rule: DataQuality, column: Column | None) -> list[Check]:
    origin = f"{contract.path}: quality {rule.name or rule.metric or rule.type or 'rule'}"
    if rule.type == "text" or (rule.type == "custom" and rule.engine == "mainstay"):
        return []
    if rule.type == "custom" and rule.engine == "greatExpectations":
        wanted = rule.implementation
        if not isinstance(wanted, dict) or not isinstance(wanted.get("type"), str):
            raise ContractError(
                f"{origin}: implementation is {wanted!r}; give a mapping {{type: expect_…, kwargs: {{…}}}}"
            )
        kwargs = dict(wanted.get("kwargs") or {})
        if column is not None:
            kwargs.setdefault("column", column.name)
        return [Check(wanted["type"], kwargs, kwargs.get("column"), origin, rule.description)]
    metric = rule.metric or rule.rule
    if rule.type not in (None, "library") or metric not in METRICS:
        raise ContractError(
            f"{origin}: type {rule.type!r}, engine {rule.engine!r}, metric {metric!r} cannot be checked; "
            f"use a library metric ({', '.join(METRICS)}), or type custom with engine greatExpectations"
        )
    return [_metric_check(origin, metric, rule, column)]


def _metric_check(origin: str, metric: str, rule: DataQuality, column: Column | None) -> Check:
    condition, operator, values = _condition(origin, rule)
    name = column.name if column is not None else None
    is_plain = rule.unit in (None, "rows")
    if metric == "rowCount" and operator == "mustBeGreaterThan" and float(values[0]).is_integer():
        return row_count_at_least(int(values[0]) + 1, origin)
    if metric == "rowCount" and operator == "mustBeGreaterOrEqualTo" and float(values[0]).is_integer():
        return row_count_at_least(int(values[0]), origin)
    if metric == "nullValues" and operator == "mustBe" and values == [0] and name is not None:
        return not_null(name, origin)
    count = _metric_sql(origin, metric, rule, column)
    observed = count if is_plain else f"coalesce(100.0 * ({count}) / nullif(count(*), 0), 0)"
    return query(
        "expect_metric_to_keep_rule",
        f"select observed from (select {observed} as observed from <batch>) as measured "
        f"where ({condition}) is not true",
        column=name,
        origin=origin,
        description=_described(metric, operator, values, is_percent=not is_plain),
    )


def _described(metric: str, operator: str, values: list[Any], *, is_percent: bool = False) -> str:
    """A metric's rule as the Data Docs read it, to tell it in the language of the page."""
    return f"{metric}{' (percent)' if is_percent else ''} {operator} {', '.join(map(str, values))}"


def _condition(origin: str, rule: DataQuality) -> tuple[str, str, list[Any]]:
    """The rule's condition on `observed` in SQL, its operator and the operator's values."""
    given = [(name, getattr(rule, name)) for name in _OPERATORS if getattr(rule, name) is not None]
    if len(given) != 1:
        raise ContractError(f"{origin}: {len(given)} operators; give exactly one of {', '.join(_OPERATORS)}")
    operator, value = given[0]
    values = list(value) if isinstance(value, list) else [value]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise ContractError(
            f"{origin}: {operator} {value!r} is no number; give a number of rows or a percentage"
        )
    return _OPERATORS[operator].format(*map(repr, values)), operator, values


def _metric_sql(origin: str, metric: str, rule: DataQuality, column: Column | None) -> str:
    """The metric as an aggregate over the batch."""
    arguments = rule.arguments or {}
    if metric == "rowCount":
        return "count(*)"
    if metric == "duplicateValues":
        names = [column.name] if column is not None else [str(n) for n in arguments.get("properties") or []]
        if not names:
            raise ContractError(
                f"{origin}: duplicateValues of which columns? give arguments: {{properties: […]}}"
            )
        listed = ", ".join(map(ident, names))
        key = listed if len(names) == 1 else f"({listed})"
        return f"count({key}) - count(distinct {key})"
    if column is None:
        raise ContractError(f"{origin}: {metric} needs a column; put the rule below one")
    name = ident(column.name)
    if metric == "nullValues":
        return f"count(*) filter (where {name} is null)"
    if metric == "missingValues":
        missing = arguments.get("missingValues") or [None]
        texts = ", ".join(literal(str(v)) for v in missing if v is not None)
        parts = ([f"{name} is null"] if None in missing else []) + (
            [f"cast({name} as varchar) in ({texts})"] if texts else []
        )
        return f"count(*) filter (where {' or '.join(parts)})"
    good = []
    if "validValues" in arguments:
        texts = ", ".join(literal(str(v)) for v in arguments["validValues"])
        good.append(f"cast({name} as varchar) in ({texts})")
    if "pattern" in arguments:
        good.append(f"regexp_matches(cast({name} as varchar), {literal(str(arguments['pattern']))})")
    if not good:
        raise ContractError(f"{origin}: invalidValues without arguments; give validValues or pattern")
    return f"count(*) filter (where not ({' and '.join(good)}))"
