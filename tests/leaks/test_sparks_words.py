"""What Spark says of rows stands in no message: its sentences hold values, and its stacks hold its sentences."""

from __future__ import annotations

import json
import traceback
import zipfile
from pathlib import Path

import pytest

from pipelines import showing
from pipelines.errors import EngineError, OutOfMemoryError
from pipelines.settings import Settings
from pipelines.showing import without_values
from pipelines.warehouse.faults import database_errors

CALLED = "An error occurred while calling o63.collectToPython.\n: "
STAGE = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times, most recent "
    "failure: Lost task 0.0 in stage 3.0 (TID 5) (192.0.2.2 executor driver): "
)
STACK = "\n\tat org.apache.spark.sql.Dataset.collect(Dataset.scala:1)\nCaused by: java.lang.RuntimeException: Anna\n\t... 9 more"
OF_ROWS = {
    "[CAST_INVALID_INPUT]": '[CAST_INVALID_INPUT] The value \'Anna Meier\' of the type "STRING" cannot be cast to "INT" because '
    "it is malformed. SQLSTATE: 22018\n== SQL (line 1, position 8) ==\nselect cast(n as int) from v\n       ^^^^\n",
    "[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION]": "[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION]  Anna cannot be represented as "
    "Decimal(4, 2). SQLSTATE: 22003",
    "[DUPLICATED_MAP_KEY]": "[DUPLICATED_MAP_KEY] Duplicate map key Anna Meier\n\n[PARSE_SYNTAX_ERROR] Anna\n was found",
    "[CANNOT_PARSE_TIMESTAMP]": "[CANNOT_PARSE_TIMESTAMP] Text 'Anna Meier' could not be parsed at index 0. SQLSTATE: 22007",
    "[INVALID_FORMAT.MISMATCH_INPUT]": '[INVALID_FORMAT.MISMATCH_INPUT] The format is invalid: 999. The input "STRING" Anna does '
    "not match the format. SQLSTATE: 42601",
    "[USER_RAISED_EXCEPTION]": "[USER_RAISED_EXCEPTION] no Anna Meier SQLSTATE: P0001",
    "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION]": CALLED + "org.apache.spark.SparkException: "
    "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: [Anna]."
    + STACK,
    "[DIVIDE_BY_ZERO]": CALLED
    + STAGE
    + "org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] Division by zero of Anna"
    + STACK,
    "an error in a task of Spark": "An exception was thrown from the Python worker:\nTraceback (most recent call last):\n"
    "  File \"x.py\", line 49, in f\nValueError: invalid literal for int() with base 10: 'Anna Meier'",
    "java.lang.NumberFormatException": CALLED
    + STAGE
    + 'java.lang.NumberFormatException: For input string: "Anna Meier"'
    + STACK,
    "java.time.format.DateTimeParseException": "java.time.format.DateTimeParseException: Text 'Anna' could not be parsed",
}
OF_SQL = [
    "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `nope` cannot be resolved. Did you "
    "mean one of the following? [`d`, `i`, `n`]. SQLSTATE: 42703; line 1 pos 7",
    "[TABLE_OR_VIEW_NOT_FOUND] The table or view `nope` cannot be found. SQLSTATE: 42P01",
    "[RECURSION_LEVEL_LIMIT_EXCEEDED] Recursion level limit 100 reached but query has not exhausted. SQLSTATE: 42836",
]


@pytest.mark.parametrize("kind", OF_ROWS)
def test_of_what_spark_says_of_rows_the_conditions_name_is_left(kind: str) -> None:
    for before in ("", "NumberFormatException: ", "Runtime Error in model m (models/m.sql)\n  "):
        said = without_values(before + OF_ROWS[kind])
        assert "Anna" not in said
        assert said == f"{before}{kind} (what it says may hold values of the data, and is not shown)"


def test_of_what_a_server_says_of_a_worker_nothing_of_rows_is_left() -> None:
    said = "An exception was thrown from the Python worker. Please see the stack trace below.\nTraceback:\nValueError: 'Anna'"
    assert without_values(said) == (
        "an error in a task of Spark (what it says may hold values of the data, and is not shown)"
    )


@pytest.mark.parametrize("kind", OF_ROWS)
def test_of_what_grpc_quotes_nothing_of_rows_is_left(kind: str) -> None:
    from pipelines.warehouse.spark.session import first_line

    said = f'<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.INTERNAL\n\tdetails = "{OF_ROWS[kind]}"\n>'
    hidden = f"{kind} (what it says may hold values of the data, and is not shown)"
    assert without_values(said) == said.partition("details")[0] + f'details = "{hidden}'
    assert first_line(RuntimeError(said)) == hidden


@pytest.mark.parametrize("kind", OF_ROWS)
def test_which_sql_it_was_stays(kind: str) -> None:
    said = without_values(f"Runtime Error in model m\n  {OF_ROWS[kind]}\n  compiled code at target/m.sql")
    assert "Anna" not in said
    assert said.endswith("not shown)\n  compiled code at target/m.sql")


@pytest.mark.parametrize("sentence", OF_SQL)
def test_what_it_says_of_the_sql_stays_without_plan_and_stack(sentence: str) -> None:
    plan = ";\n'Project [Anna]\n+- LocalRelation [Anna#1]"
    assert without_values(sentence + plan) == sentence
    thrown = f"{CALLED}org.apache.spark.sql.catalyst.ExtendedAnalysisException: {sentence}"
    assert without_values(thrown + STACK) == sentence
    assert without_values(f"{sentence}\n\nJVM stacktrace:\n{STACK}") == sentence


def test_a_condition_that_stands_in_a_value_counts_for_nothing() -> None:
    said = without_values('java.lang.NumberFormatException: For input string: "[PARSE_SYNTAX_ERROR] Anna"')
    assert "Anna" not in said
    assert "SYNTAX" not in said


def test_what_is_none_of_sparks_stays() -> None:
    for text in (
        "[WARNING]: Configuration paths exist in your dbt_project.yml",
        "3 of 56 START sql table model marts.dim_customers [RUN]",
        "3 of 56 ERROR creating sql table model marts.dim_customers [ERROR in 0.12s]",
        "MAINSTAY_NOTIFY_ON: 'x' [type=literal_error]; no such event",
    ):
        assert without_values(text) == text


def test_the_conditions_that_are_shown_are_sparks_and_speak_of_no_row() -> None:
    pyspark = pytest.importorskip("pyspark", reason="needs `make .venv/spark`")
    (jar,) = (Path(pyspark.__path__[0]) / "jars").glob("spark-common-utils_*.jar")
    with zipfile.ZipFile(jar) as archive:
        known = json.loads(archive.read("error/error-conditions.json"))
    of_rows = (
        "<value",
        "<record",
        "<badRecord",
        "<fieldValue",
        "<str>",
        "<message>",
        "<msg>",
        "<errorMessage>",
    )
    assert len(showing._OF_SQL) > 10
    for name in showing._OF_SQL - {"DATATYPE_MISMATCH"}:  # its values are constants of the SQL
        sentences = " ".join(known[name]["message"])
        sentences += " ".join(" ".join(s["message"]) for s in known[name].get("subClass", {}).values())
        assert [sign for sign in of_rows if sign in sentences] == [], name


def test_what_a_step_says_of_sparks_failure_has_no_value() -> None:
    from pipelines.warehouse.spark.session import first_line

    for kind, text in OF_ROWS.items():
        assert first_line(RuntimeError(text)).startswith(kind)
        assert "Anna" not in first_line(RuntimeError(text))


def chain(error: BaseException) -> str:
    """The error as logs write it, with what it came of."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("text", OF_ROWS.values())
@pytest.mark.parametrize("outer", [None, EngineError("Spark could not end the work"), OSError("passed on")])
def test_no_log_writes_what_an_error_came_of_where_that_holds_values(
    text: str, outer: Exception | None
) -> None:
    def fail() -> None:
        try:
            raise RuntimeError(text)
        except RuntimeError as error:
            if outer is None:
                raise
            raise outer from error

    with pytest.raises(Exception, match=r".") as caught, database_errors(Settings()):
        fail()
    assert "Anna" not in chain(caught.value)
    assert outer is None or caught.value is outer


def test_what_ran_out_of_memory_does_not_bring_the_stack_with_it() -> None:
    text = f"{CALLED}{STAGE}java.lang.OutOfMemoryError: Java heap space{STACK}"
    with (
        pytest.raises(OutOfMemoryError, match="memory ran out in Spark") as caught,
        database_errors(Settings()),
    ):
        raise RuntimeError(text)
    assert "Anna" not in chain(caught.value)


def test_what_an_error_came_of_stays_where_it_holds_no_values() -> None:
    with pytest.raises(EngineError) as caught, database_errors(Settings()):
        raise EngineError("Spark cannot be reached") from ConnectionRefusedError("refused")
    assert "ConnectionRefusedError" in chain(caught.value)
