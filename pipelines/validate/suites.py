"""Which stage checks what, from the contracts.

| stage   | data                        | checks                                                             |
|---------|-----------------------------|--------------------------------------------------------------------|
| land    | landed files, read as text  | source columns in each file, a row, required columns mostly filled |
| raw     | touched partitions of `raw` | types, column rules, key per partition, data rules, usual volume   |
| staging | `staging` views             | columns the models read, key and business date filled, key unique  |
| marts   | `marts` tables              | exact columns, types, column rules, data quality rules             |
| serving | the file that BI is to read | tables, columns, filled where promised, no personal data, one run  |

Grain and relationships of the marts are dbt tests, the loader's own row rules (`engine: mainstay`) are the
loader's: neither is checked here again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.closed_days import ClosedDays
from pipelines.contracts.persons import treatment
from pipelines.quoting import ident, literal
from pipelines.validate.rules import (
    Check,
    column_checks,
    column_types,
    not_null,
    query,
    table_checks,
    unique_key,
    usual_row_count,
    view_of,
)
from pipelines.warehouse.reuse import reused_by_date

if TYPE_CHECKING:
    from pipelines.contracts import Contract, MartContract, SourceContract

Partitions = Mapping[str, Sequence[date]]
STAGES = ("land", "raw", "staging", "marts", "serving")


@dataclass(frozen=True)
class Suite:
    """The checks on one batch of rows; the batch is a SELECT that becomes a temporary view."""

    name: str
    select: str
    checks: tuple[Check, ...]
    personal: frozenset[str] = frozenset()
    """Columns with personal data: their values are never shown in a result."""

    @property
    def view(self) -> str:
        """Name of the batch's temporary view."""
        return view_of(self.name)


def personal_columns(contract: Contract) -> frozenset[str]:
    """Names of the columns with personal data."""
    return frozenset(c.name for c in contract.columns if c.is_personal)


def _dates(days: Iterable[date]) -> str:
    return ", ".join(f"date {literal(day.isoformat())}" for day in sorted(set(days)))


def _touched(days: Sequence[date] | None) -> str:
    """Condition on partition_date; the range lets DuckDB skip row groups that the list alone would not."""
    if days is None:
        return "true"
    if not days:
        return "false"
    first, last = (literal(day.isoformat()) for day in (min(days), max(days)))
    return f"partition_date between date {first} and date {last} and partition_date in ({_dates(days)})"


def land_suite(contract: SourceContract, select: str) -> Suite:
    """Landed files of a dataset; `select` gives the contract's columns as text."""
    origin = str(contract.path)
    mostly = 1 - contract.tolerated_reject_rate
    checks = [
        query(
            "expect_files_to_have_columns",
            f"select path, column_name from landed_without where dataset = {literal(contract.name)} limit 20",
            origin=origin,
            description="Each landed file has the contract's source columns.",
        ),
        *(
            not_null(c.name, f"{origin}: column {c.name}", mostly)
            for c in contract.source_columns
            # Rows that are not ours may be empty, and which those are only the load knows.
            if c.required and not (contract.reject_if or contract.ignore_if)
        ),
    ]
    return Suite(f"land.{contract.name}", select, tuple(checks), personal_columns(contract))


def raw_suite(
    contract: SourceContract,
    days: Sequence[date] | None,
    reuse_rate: float = 1,
    closed: ClosedDays | None = None,
    *,
    has_erased: bool = False,
) -> Suite:
    """The touched partitions of a raw table, or all of it.

    Args:
        contract: The dataset's contract.
        days: The partitions; None for all.
        reuse_rate: The tolerated share of reused keys.
        closed: Days of which no usual count of rows is asked.
        has_erased: Whether customers were erased: their sales have no customer then.
    """
    origin = str(contract.path)
    words = treatment(contract).words if has_erased else ()
    lead = "days_after_partition"
    table = f"raw.{ident(contract.name)}"
    select = f"select *, business_date - partition_date as {lead} from {table} where {_touched(days)}"
    types = [(c.name, c.type) for c in contract.columns]
    types += [("business_date", "DATE"), ("partition_date", "DATE"), ("file_id", "VARCHAR")]
    checks = [
        column_types(f"raw.{contract.name}", types, origin),
        *(
            check
            for column in contract.columns
            for check in column_checks(contract, column)
            # A sale outlives its customer; that all others have one is a rule of the loader.
            if not (column.name in words and check.type == "expect_column_values_to_not_be_null")
        ),
        not_null("business_date", origin),
        Check(
            "expect_column_values_to_be_between",
            {"column": lead, "max_value": contract.future_tolerance_days},
            lead,
            origin,
        ),
        unique_key([*contract.key, "partition_date"], origin),
        query(
            "expect_keys_to_tell_rows_apart",
            f"select * from ({reused_by_date(contract)}) as found where reused > keyed * {reuse_rate!r}",
            column=", ".join(contract.key),
            origin=origin,
            description=f"At most {reuse_rate:.2%} of a date's rows have the key of an earlier row of another customer or date.",
        ),
        # A day without rows is no fault; how many rows the dataset must have is asked of the whole table.
        *table_checks(contract, counted=table),
    ]
    # Of a whole history that is loaded at once, the last week: who reads on when one Christmas was quiet?
    recent = [
        day for day in days or () if (max(days or ()) - day).days < 7 and day not in (closed or ClosedDays())
    ]
    if recent and contract.unusual_volume < 1:
        checks.append(usual_row_count(contract, recent))
    return Suite(f"raw.{contract.name}", select, tuple(checks), personal_columns(contract))


def staging_suite(contract: SourceContract, canon: SourceContract, days: Sequence[date] | None) -> Suite:
    """A staging view. Of transactions only the business dates that the touched partitions hold."""
    origin = str(canon.path)
    select = f"select * from staging.{ident('stg_' + canon.name)}"
    if days is not None and canon.name == "transactions":
        select += (
            " where business_date in (select distinct business_date from raw.transactions "
            f"where {_touched(days)})"
        )
    columns = [(c.name, c.type) for c in canon.columns if not c.is_personal]
    checks = [
        column_types(f"staging.stg_{canon.name}", [*columns, ("business_date", "DATE")], origin),
        *(not_null(name, origin) for name in (*canon.key, "business_date")),
        unique_key(canon.key, origin),
    ]
    return Suite(f"staging.stg_{canon.name}", select, tuple(checks), personal_columns(contract))


def mart_suite(contract: MartContract) -> Suite:
    """A mart's table."""
    origin = str(contract.path)
    checks = [
        Check(
            "expect_table_columns_to_match_ordered_list",
            {"column_list": [c.name for c in contract.columns]},
            origin=origin,
        ),
        column_types(f"marts.{contract.name}", [(c.name, c.type) for c in contract.columns], origin),
        *(check for column in contract.columns for check in column_checks(contract, column)),
        *table_checks(contract),
    ]
    return Suite(
        f"marts.{contract.name}",
        f"select * from marts.{ident(contract.name)}",
        tuple(checks),
        personal_columns(contract),
    )


def _least_rows(contract: MartContract) -> int:
    """Rows that a mart must have at least, by its contract; 0: it may be empty."""
    least = 0
    for rule in contract.quality:
        if rule.metric == "rowCount":
            least = max(least, int(rule.mustBeGreaterOrEqualTo or 0))
            least = max(least, int(rule.mustBeGreaterThan) + 1 if rule.mustBeGreaterThan is not None else 0)
    return least


def serving_suites(marts: Mapping[str, MartContract], sources: Iterable[SourceContract]) -> list[Suite]:
    """The file that BI is to read: tables in its schema `main`, `_publish`, and nothing in any other schema."""
    here = "database_name = current_database() and schema_name = 'main'"
    name = "case when schema_name = 'main' then '' else schema_name || '.' end ||"
    personal = sorted(
        {c.name for contract in (*sources, *marts.values()) for c in contract.columns if c.is_personal}
    )
    expected = [(name, c.name, c.type) for name, contract in marts.items() for c in contract.columns]
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in expected)
    counts = ", ".join(f"(select count(*) from main.{ident(name)}) as {ident(name)}" for name in marts)
    tables = Suite(
        "serving.tables",
        f"select {name} table_name as table_name from duckdb_tables() where database_name = current_database() union all "
        f"select {name} view_name from duckdb_views() where database_name = current_database() and not internal",
        (
            Check(
                "expect_column_distinct_values_to_equal_set",
                {"column": "table_name", "value_set": [*sorted(marts), "_publish"]},
                "table_name",
                "data_contracts/marts",
            ),
        ),
    )
    columns = Suite(
        "serving.columns",
        f"select table_name, column_name, data_type from duckdb_columns() where {here}",
        (
            *(
                Check(
                    "expect_column_values_to_not_be_in_set",
                    {"column": "column_name", "value_set": personal},
                    "column_name",
                    "columns classified pii in the contracts",
                )
                for _ in range(1 if personal else 0)
            ),
            query(
                "expect_column_types_to_match_contract",
                "select coalesce(expected.table_name, found.table_name) as table_name, "
                "coalesce(expected.column_name, found.column_name) as column_name, "
                "expected.contract_type, found.data_type "
                f"from (values {values}) as expected(table_name, column_name, contract_type) "
                "full join (select * from <batch> where table_name <> '_publish') as found "
                "on found.table_name = expected.table_name and found.column_name = expected.column_name "
                "where found.data_type is distinct from expected.contract_type limit 20",
                origin="data_contracts/marts",
                description="The tables have exactly the contracts' columns and types.",
            ),
        ),
    )
    filled = Suite(
        "serving.row_counts",
        f"select {counts}",
        tuple(
            Check(
                "expect_column_values_to_be_between",
                {"column": name, "min_value": _least_rows(c)},
                name,
                str(c.path),
            )
            for name, c in marts.items()
            if _least_rows(c) > 0
        ),
    )
    publish = Suite(
        "serving._publish",
        "select * from main._publish",
        (
            not_null("run_id", "pipelines/publish"),
            Check(
                "expect_column_unique_value_count_to_be_between",
                {"column": "run_id", "min_value": 1, "max_value": 1},
                "run_id",
                "pipelines/publish",
            ),
        ),
    )
    return [tables, columns, *([filled] if filled.checks else []), publish]
