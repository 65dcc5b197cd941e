"""What Mainstay needs of Great Expectations on DuckDB: if an upgrade breaks it, validation means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from pipelines.contracts import MartContract
from pipelines.settings import Settings
from pipelines.validate import validate
from pipelines.validate.dialect import _plain, serve
from pipelines.validate.evaluate import evaluate
from pipelines.validate.report import CheckResult
from pipelines.validate.rules import Check, query
from pipelines.validate.suites import Suite


def check(column: str, type_: str, **kwargs: object) -> Check:
    return Check(type_, {"column": column, **kwargs}, column)


def run(*checks: Check, name: str = "canary.numbers") -> list[CheckResult]:
    connection = duckdb.connect()
    connection.execute(
        "create temp view batch_canary__numbers as select i as number, 'n' || i as name, "
        "i % 2 = 0 as is_even, case when i < 90 then i end as gappy from range(100) as t(i)"
    )
    return evaluate(connection, [Suite(name, "", checks)])


def test_failing_rows_are_counted_right() -> None:
    outcome = run(
        check("number", "expect_column_values_to_be_between", max_value=89),
        check("gappy", "expect_column_values_to_not_be_null"),
        check("name", "expect_column_values_to_be_in_set", value_set=["n1", "n2"]),
        check("name", "expect_column_value_lengths_to_be_between", max_value=2),
        check("number", "expect_column_values_to_be_between", max_value=99),
    )
    assert [(r.success, r.observed) for r in outcome] == [
        (False, "10 of 100 rows"),
        (False, "10 of 100 rows"),
        (False, "98 of 100 rows"),
        (False, "90 of 100 rows"),
        (True, None),
    ]


def test_a_tolerated_share_passes() -> None:
    assert run(check("gappy", "expect_column_values_to_not_be_null", mostly=0.9))[0].success
    assert not run(check("gappy", "expect_column_values_to_not_be_null", mostly=0.91))[0].success


def test_an_expectation_that_raises_is_a_failure_and_spares_the_others() -> None:
    outcome = run(
        check("no_such_column", "expect_column_values_to_not_be_null"),
        check("number", "expect_column_values_to_not_be_null"),
        query("expect_query_to_return_no_rows", "select no_such_column from <batch>"),
        check("name", "expect_column_mean_to_be_between", min_value=0),
    )
    assert [r.success for r in outcome] == [False, True, False, False]
    assert "no_such_column" in (outcome[0].observed or "")
    assert all((outcome[n].observed or "").startswith("raised: ") for n in (0, 2, 3))


def test_an_empty_suite_is_a_failure() -> None:
    outcome = run()
    assert [r.success for r in outcome] == [False]


@pytest.mark.parametrize(
    ("regex", "bad"),
    [("^n[0-9]+$", 0), ("^n[0-4]", 55), ("9", 81), (r"^\S(.*\S)?$", 0), (r"n\d{2}", 10), ("(?:n1|n2)", 78)],
)
def test_regexes_match_anywhere_as_the_loaders_do(regex: str, bad: int) -> None:
    outcome = run(check("name", "expect_column_values_to_match_regex", regex=regex))
    assert outcome[0].success == (bad == 0)
    assert outcome[0].observed == (f"{bad} of 100 rows" if bad else None)
    outcome = run(check("name", "expect_column_values_to_not_match_regex", regex=regex))
    assert outcome[0].observed == (f"{100 - bad} of 100 rows" if bad < 100 else None)


def test_results_are_json_also_with_numpy_values() -> None:
    assert _plain(np.bool_(True)) is True
    assert _plain(np.int64(3)) == 3
    outcome = run(
        check("is_even", "expect_column_values_to_be_in_set", value_set=[True]),
        check("is_even", "expect_column_distinct_values_to_equal_set", value_set=[True]),
    )
    assert [r.success for r in outcome] == [False, False]
    assert outcome[0].observed == "50 of 100 rows"
    assert json.loads(outcome[0].detail or "")["partial_unexpected_list"][0] is False
    assert all(json.loads(r.detail or "") for r in outcome)


def test_results_of_more_than_one_row_come_through() -> None:
    outcome = run(
        query(
            "expect_query_to_return_no_rows",
            "select number, name from <batch> where number >= 93 order by number",
        ),
        check("name", "expect_column_distinct_values_to_be_in_set", value_set=["n1"]),
    )
    rows = json.loads(outcome[0].detail or "")["details"]["unexpected_rows"]
    assert [row["number"] for row in rows] == list(range(93, 100))
    # Twenty of them, whichever the engine comes to first.
    said, _, examples = (outcome[1].observed or "").partition(": ")
    assert said == "unexpected"
    assert len(set(examples.split(", "))) == 20
    assert set(examples.split(", ")) < {f"n{number}" for number in range(100)} - {"n1"}


def test_braces_colons_and_percent_signs_in_queries_mean_themselves() -> None:
    regex = "'^(?:n9\\d{1})$'"
    sql = f"select * from <batch> where regexp_matches(name, {regex}) or name like '%:x' or name = 'a:name'"
    outcome = run(query("expect_query_to_return_no_rows", sql))
    assert len(json.loads(outcome[0].detail or "")["details"]["unexpected_rows"]) == 10


def test_two_queries_serve_all_row_checks_of_a_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.validate.dialect import BufferedCursor

    seen: list[str] = []
    execute = BufferedCursor.execute

    def spy(self: BufferedCursor, statement: str, parameters: object = None, context: object = None) -> None:
        seen.append(statement)
        execute(self, statement, parameters, context)

    monkeypatch.setattr(BufferedCursor, "execute", spy)
    outcome = run(
        check("number", "expect_column_values_to_not_be_null"),
        check("name", "expect_column_values_to_match_regex", regex="^n"),
        check("name", "expect_column_value_lengths_to_be_between", max_value=9),
        check("gappy", "expect_column_values_to_be_between", min_value=0),
        *(check("number", "expect_column_values_to_be_between", max_value=100 + n) for n in range(20)),
    )
    assert all(r.success for r in outcome)
    assert len([s for s in seen if "sum(" in s.lower()]) == 2, "GX takes lengths in a second query"


def test_the_lock_on_the_file_is_released(settings: Settings, warehouse: Path, mart: MartContract) -> None:
    validate(settings, "marts", "run-1", None, marts={"tiers": mart})
    writer = f"import duckdb; duckdb.connect({str(warehouse)!r}).execute('create table marts.t as select 1')"
    done = subprocess.run([sys.executable, "-c", writer], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table marts.t")


def test_the_connection_is_closed_even_if_the_evaluation_breaks() -> None:
    connection = duckdb.connect()

    def broken() -> None:
        with serve(connection):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")


def test_importing_the_step_does_not_import_great_expectations() -> None:
    code = "import sys, pipelines.validate; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
