"""Every model is written so that it also runs on Spark.

Each model and singular test is compiled as dbt compiles it for DuckDB, but with every dispatched macro taking
its Spark version, and the outcome is parsed as Spark SQL without translation. That proves that no DuckDB syntax
and no function that Spark lacks stands in a model; it does not prove equal figures, which only a run on Spark can.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from dbt.context.providers import BaseDatabaseWrapper
from dbt_warehouse import DBT_PROJECT, Warehouse
from sqlglot import exp

# Functions that Spark has and sqlglot knows by no class of its own.
SPARK_FUNCTIONS = {"PERCENTILE"}

# What sqlglot reads in every dialect although Spark lacks it.
NOT_IN_SPARK = (exp.Comprehension, exp.PercentileCont, exp.Qualify, exp.Unnest)

HOLDING = {"soft_landing": True, "grace_months": 2}


def compiled_for_spark(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, **variables: object
) -> dict[str, str]:
    """The compiled SQL of each model and singular test by its path in the project."""
    monkeypatch.setattr(BaseDatabaseWrapper, "_get_adapter_macro_prefixes", lambda _: ["spark", "default"])
    result = warehouse.dbt("compile", "--no-populate-cache", as_of_date="2017-03-31", **variables)
    assert result.success, result.exception
    found = {}
    for item in result.result.results:
        node = item.node
        if node.resource_type in ("model", "test") and node.original_file_path.endswith(".sql"):
            # How an engine quotes a table's name is the adapter's part, not the model's.
            sql = re.sub(r'"(\w+)"\."(\w+)"\."(\w+)"', r"`\1`.`\2`.`\3`", node.compiled_code)
            found[node.original_file_path] = sql
    return found


def complaints(sql: str) -> list[str]:
    """What keeps the text from being one Spark query."""
    try:
        statements = sqlglot.parse(sql, read="spark")
    except sqlglot.errors.SqlglotError as error:
        return [str(error)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return ["not one query"]
    found = []
    if re.search(r",\s*(from|where|group by|order by|\))\b", sql, re.IGNORECASE):
        found.append("a trailing comma")
    if "generate_series" in sql.lower():  # sqlglot takes it for Spark's sequence
        found.append("generate_series")
    if '"' in sql:
        found.append("a double-quoted name, which Spark reads as text")
    for function in statements[0].find_all(exp.Anonymous):
        if function.name.upper() not in SPARK_FUNCTIONS:
            found.append(f"function {function.name}")
    if any(star.args.get("except_") for star in statements[0].find_all(exp.Star)):
        found.append("a star with exceptions")
    found += [f"{type(node).__name__}" for node in statements[0].find_all(*NOT_IN_SPARK)]
    return found


@pytest.mark.parametrize("variables", [{}, HOLDING], ids=["earned tiers", "held tiers"])
def test_every_model_parses_as_spark_sql(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, variables: dict[str, object]
) -> None:
    compiled = compiled_for_spark(warehouse, monkeypatch, **variables)
    files = {
        str(path.relative_to(DBT_PROJECT))
        for folder in ("models", "tests")
        for path in Path(DBT_PROJECT / folder).rglob("*.sql")
    }
    assert files
    assert files - set(compiled) == set()
    assert {path: found for path, sql in compiled.items() if (found := complaints(sql))} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "select a, from t",
        "select * from t qualify row_number() over (order by a) = 1",
        "select strftime(a, '%Y') from t",
        "select quantile_cont(a, 0.5) from t",
        "select unnest(a) as n from t",
        "select * from generate_series(1, 3)",
        'select "a" from t',
        "select [x for x in a] from t",
        "select a.* exclude (b) from a",
        "select list_sort(array_agg(a)) from t",
    ],
)
def test_the_check_refuses_what_only_duckdb_understands(sql: str) -> None:
    assert complaints(sql)
