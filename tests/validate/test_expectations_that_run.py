"""The expectations that contracts may ask for run on DuckDB, each of them, and the document lists them."""

from __future__ import annotations

import re

import duckdb
import pytest

from pipelines.contracts.expectations import RUN_HERE
from pipelines.settings import PROJECT_DIR
from pipelines.validate.evaluate import evaluate
from pipelines.validate.rules import Check
from pipelines.validate.suites import Suite

ARGUMENTS = {
    "column": "a", "column_A": "b", "column_B": "a", "column_list": ["a", "b"], "column_set": ["a", "b", "s"],
    "double_sided": True, "like_pattern": "%", "like_pattern_list": ["%"], "max_value": 99, "min_value": 0, "regex": ".",
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 9]]}, "regex_list": ["."], "sum_total": 1, "threshold": 3,
    "type_": "BIGINT", "type_list": ["BIGINT"], "unexpected_rows_query": "select * from {batch} where a > 9", "value": 3,
    "value_pairs_set": [(1, 2)], "value_set": [1, 2],
}  # fmt: skip


def test_each_expectation_of_the_list_runs_here() -> None:
    pytest.importorskip("great_expectations")
    from pipelines.validate.gx import great_expectations

    great_expectations()
    from great_expectations.expectations.registry import get_expectation_impl

    checks = []
    for name in RUN_HERE:
        fields = set(get_expectation_impl(name).__fields__)
        kwargs = {k: v for k, v in ARGUMENTS.items() if k in fields}
        if re.search("regex|like|lengths", name):
            kwargs["column"] = "s"
        checks.append(Check(name, kwargs))
    connection = duckdb.connect()
    connection.execute("create table t as select i as a, i + 1 as b, 'x' || i as s from range(3) as x(i)")
    connection.execute("create temp view batch_x as from t")
    outcome = evaluate(connection, [Suite("x", "from t", tuple(checks))])
    raised = {r.expectation: r.observed for r in outcome if (r.observed or "").startswith("raised")}
    assert not raised
    assert len(outcome) == len(RUN_HERE)


def test_the_document_lists_them() -> None:
    text = (PROJECT_DIR / "docs" / "checks.md").read_text(encoding="utf-8")
    section = text.partition("## Expectations that run here")[2].partition("\n## ")[0]
    assert re.findall(r"^- `(\w+)`$", section, re.MULTILINE) == list(RUN_HERE)
