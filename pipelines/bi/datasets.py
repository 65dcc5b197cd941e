"""Datasets: the SQL that each is, and what its columns are by the marts' contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.bi.described import FORMATS, Dataset, Description
from pipelines.contracts import mart_contracts
from pipelines.contracts.info_table import INFO_COLUMNS, INFO_TABLE
from pipelines.errors import ContractError
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDED = {
    "is_latest_month": "Whether this is the last complete month, or the running one where none is complete yet.",
    "is_complete_month": "Whether the whole month lies on or before the as-of date.",
    "is_recent": "Whether it lies in the 90 days up to the last landing date.",
    "quarantine_rank": "1 has the most quarantined rows; of two with as many the later landing date is first.",
}


def empty_marts() -> duckdb.DuckDBPyConnection:
    """A database with the published tables of the contracts, without rows: what any SQL here must run on."""
    connection = duckdb.connect()
    for name, columns in published_columns().items():
        listed = ", ".join(f"{ident(column)} {kind}" for column, (kind, _) in columns.items())
        connection.execute(f"CREATE TABLE {ident(name)} ({listed})")
    return connection


def published_columns() -> dict[str, dict[str, tuple[str, str]]]:
    """Type and meaning of each column of each published table."""
    found = {
        name: {c.name: (c.type, c.description) for c in contract.columns}
        for name, contract in mart_contracts().items()
    }
    found[INFO_TABLE] = {name: (kind, meaning) for name, kind, meaning in INFO_COLUMNS}
    return found


def sql_of(name: str, dataset: Dataset, words: Mapping[str, Mapping[str, str]]) -> str | None:
    """The query that a dataset is, or None where it is the mart as it stands."""
    added = []
    if dataset.latest:
        last = {
            "complete": "coalesce(max(month) filter (where is_complete_month), max(month))",
            "last": "max(month)",
        }
        month = f"select {last[dataset.latest]} from {mart_of(name, dataset)}"
        added.append(f"mart.month = ({month}) as is_latest_month")
    joins = []
    for number, (new, column) in enumerate(dataset.tiers.items(), start=1):
        tier = f"tier_{number}"
        # The rank in front keeps tiers in their order wherever a chart sorts by name.
        named = f"{tier}.sort_order || ' ' || {tier}.label_en || ' · ' || {tier}.label_zh"
        added.append(f"coalesce({named}, mart.{ident(column)}) as {new}")
        joins.append(
            f"left join dim_tiers as {tier} on {tier}.tier = mart.{ident(column)} and {tier}.is_current"
        )
    for new, (column, catalogue) in dataset.words.items():
        cases = "".join(
            f"\n        when {literal(code)} then {literal(word)}" for code, word in words[catalogue].items()
        )
        added.append(f"case mart.{ident(column)}{cases}\n        else mart.{ident(column)}\n    end as {new}")
    if not added:
        return dataset.sql
    source = f"(\n{_indented(dataset.sql)}\n)" if dataset.sql else mart_of(name, dataset)
    columns = ",\n    ".join(["mart.*", *added])
    return "\n".join([f"select\n    {columns}", f"from {source} as mart", *joins]) + "\n"


def mart_of(name: str, dataset: Dataset) -> str:
    """The published table that a dataset is of."""
    return dataset.mart or name


def asset(
    name: str, dataset: Dataset, described: Description, connection: duckdb.DuckDBPyConnection
) -> dict[str, Any]:
    """The dataset in Superset's import format, without its identity.

    Raises:
        ContractError: its SQL, or that of a metric, does not run on the tables of the contracts.
    """
    sql = sql_of(name, dataset, described.words)
    source = f"({sql})" if sql else ident(mart_of(name, dataset))
    metrics = ", ".join(expression for _, expression, _ in dataset.metrics.values())
    try:
        kinds = connection.execute(f"DESCRIBE SELECT * FROM {source} AS mart").fetchall()
        if metrics:
            connection.execute(f"SELECT {metrics} FROM {source} AS mart")
    except duckdb.Error as error:
        raise ContractError(
            f"dataset {name} of the dashboards does not run on the marts of the contracts: {error}"
        ) from error
    meanings = published_columns().get(mart_of(name, dataset), {})
    return {
        "table_name": name if sql else mart_of(name, dataset),
        "description": dataset.title,
        "main_dttm_col": next((column for column, kind, *_ in kinds if _is_time(kind)), None),
        "schema": "main",
        "sql": sql,
        "columns": [
            *(_column(column, kind, meanings, described.columns) for column, kind, *_ in kinds),
            *(_month(column, described.columns) for column, kind, *_ in kinds if _is_month(column, kind)),
        ],
        "metrics": [
            {
                "metric_name": metric,
                "verbose_name": title,
                "expression": expression,
                "d3format": FORMATS[form],
            }
            for metric, (title, expression, form) in dataset.metrics.items()
        ],
    }


def _column(
    name: str, kind: str, meanings: Mapping[str, tuple[str, str]], titles: Mapping[str, str]
) -> dict[str, Any]:
    _, meaning = meanings.get(name, ("", ADDED.get(name, "")))
    return {
        "column_name": name,
        "verbose_name": titles.get(name),
        "type": kind,
        "is_dttm": _is_time(kind),
        "groupby": True,
        "filterable": True,
        "description": meaning or None,
    }


def _month(name: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """A month as text: on an axis of names each month has its place, on one of time only some are named."""
    column = f"{name}_name"
    return {
        "column_name": column,
        "verbose_name": titles.get(column),
        "type": "VARCHAR",
        "expression": f"strftime({ident(name)}, '%Y-%m')",
        "is_dttm": False,
        "groupby": True,
        "filterable": True,
        "description": "The month, as text.",
    }


def _is_month(name: str, kind: str) -> bool:
    return kind == "DATE" and (name == "month" or name.endswith("_month"))


def _is_time(kind: str) -> bool:
    return kind in ("DATE", "TIMESTAMP")


def _indented(sql: str) -> str:
    return "\n".join(f"    {line}" for line in sql.rstrip().splitlines())
