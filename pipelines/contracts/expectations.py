"""Which of Great Expectations' expectations a contract may ask for: those that run on DuckDB, told without importing it.

`docs/checks.md` lists them; a test runs each, so that a new release's changes show.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipelines.contracts.columns import problem
from pipelines.contracts.expressions import check_query
from pipelines.contracts.parts import LOAD_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from open_data_contract_standard.model import DataQuality

    from pipelines.contracts.model import Contract

RUN_HERE = (
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_column_pair_values_to_be_in_set",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_quantile_values_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_to_exist",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_be_null",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_match_regex_list",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_not_match_like_pattern_list",
    "expect_column_values_to_not_match_regex",
    "expect_column_values_to_not_match_regex_list",
    "expect_compound_columns_to_be_unique",
    "expect_multicolumn_sum_to_equal",
    "expect_multicolumn_values_to_be_equal",
    "expect_select_column_values_to_be_unique_within_record",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
    "unexpected_rows_expectation",
)
"""Left out are those that only pandas or another database can run, and those that compare with other data sources."""

TYPES = ("BIGINT", "BOOLEAN", "DATE", "DECIMAL", "FLOAT", "INTEGER", "TIMESTAMP", "VARCHAR")
"""Types as the type expectations name them here; FLOAT is the contract's DOUBLE."""

_VALUE = r"""(?:-?\d+(?:\.\d+)?|"[^"'\\]*"|date\("[^"'\\]*"\))"""
_TERM = rf'col\("(\w+)"\)\s*(?:(?:==|!=|<=|>=|<|>)\s*{_VALUE}|\.notNull\(\))'
_CONDITION = re.compile(rf"\s*{_TERM}(?:\s+(?:and|or)\s+{_TERM})*\s*")


def check_expectations(contract: Contract, others: Iterable[str] = ()) -> None:
    """Each rule of engine `greatExpectations` asks for what runs here, of columns that are there.

    Args:
        contract: whose rules.
        others: columns of its table that the contract does not have.

    Raises:
        ContractError: it names the file, the rule and the way out.
    """
    columns = {c.name for c in contract.columns} | set(LOAD_COLUMNS) | set(others)
    rules = [(rule, None) for rule in contract.quality]
    for rule, column in [*rules, *((r, c.name) for c in contract.columns for r in c.quality)]:
        if rule.type == "custom" and rule.engine == "greatExpectations":
            fault = _fault(rule, column, columns)
            if fault is not None:
                raise problem(contract.path, f"quality {rule.name or column or 'rule'}", *fault)


def _fault(rule: DataQuality, column: str | None, columns: set[str]) -> tuple[str, str] | None:
    """What is wrong with the rule, and the way out."""
    wanted: Any = rule.implementation
    kwargs = wanted.get("kwargs") or {} if isinstance(wanted, dict) else None
    if not isinstance(kwargs, dict) or not isinstance(wanted.get("type"), str):
        return f"implementation is {wanted!r}", "give a mapping {type: expect_…, kwargs: {…}}"
    if wanted["type"] not in RUN_HERE:
        return (
            f"{wanted['type']!r} is no expectation that runs on DuckDB",
            "docs/checks.md lists those that do",
        )
    named = [kwargs.get(k, column if k == "column" else None) for k in ("column", "column_A", "column_B")]
    listed = kwargs.get("column_list")
    if isinstance(listed, list) and not wanted["type"].startswith("expect_table"):
        named += listed
    types = [kwargs.get("type_"), *(kwargs.get("type_list") or [])]
    for type_ in types:
        if type_ is not None and str(type_).upper() not in TYPES:
            return (
                f"{type_!r} is no type here",
                f"use one of {', '.join(TYPES)}; physicalType is checked anyway",
            )
    condition = kwargs.get("row_condition")
    if condition is not None:
        if not _CONDITION.fullmatch(str(condition)) or kwargs.get("condition_parser") != "great_expectations":
            return (
                f"row_condition {condition!r} cannot be read",
                'write col("column") with ==, !=, <, <=, >, >= and a number or a "text", or col("column").notNull(), joined '
                "by and or or, and condition_parser: great_expectations; or ask with an unexpected_rows_expectation",
            )
        named += re.findall(r'col\("(\w+)"\)', str(condition))
    unknown = [name for name in named if name is not None and name not in columns]
    if unknown and wanted["type"] != "expect_column_to_exist":
        return f"there is no column {unknown[0]!r}", "name one of the contract's"
    for name, value in kwargs.items():
        if name.endswith("query"):
            try:
                check_query(str(value))
            except ValueError as error:
                return f"{name}: {error}", "write one SELECT from {batch}"
    return None
