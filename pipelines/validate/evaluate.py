"""From suites to results: builds the expectations, runs them, and turns what comes back into plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.errors import ContractError
from pipelines.validate.dialect import serve
from pipelines.validate.gx import great_expectations, memory_context, quiet
from pipelines.validate.report import CheckResult
from pipelines.validate.shown import TEXT_LIMIT, error_of, hide_values

if TYPE_CHECKING:
    import duckdb

    from pipelines.validate.rules import Check
    from pipelines.validate.suites import Suite


def expectation(check: Check, number: int = 0) -> Any:
    """The Great Expectations object of a check.

    Raises:
        ContractError: There is no such expectation, or it does not take these arguments.
    """
    great_expectations()
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        return ExpectationConfiguration(
            type=check.type,
            kwargs=dict(check.kwargs),
            meta={"check": number, "rule": check.origin},
            description=check.description,
            severity="warning" if check.severity == "warning" else "critical",
        ).to_domain_obj()
    except ExpectationNotFoundError as error:
        raise ContractError(
            f"{check.origin}: Great Expectations has no expectation {check.type!r}; "
            "see greatexpectations.io/expectations for its types"
        ) from error
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ContractError(
            f"{check.origin}: {check.type} cannot take {check.kwargs}: {reason}; mend its kwargs"
        ) from error


def evaluate(connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite]) -> list[CheckResult]:
    """Run suites whose batches are views of the connection. The connection is closed afterwards."""
    gx = great_expectations()
    found: list[CheckResult] = []
    with quiet(), serve(connection) as address:
        built = [[expectation(check, n) for n, check in enumerate(suite.checks)] for suite in suites]
        source = memory_context().data_sources.add_sql("duckdb", connection_string=address)
        for suite, expectations in zip(suites, built, strict=True):
            asset = source.add_table_asset(suite.name, table_name=suite.view)
            batch = asset.add_batch_definition_whole_table("batch").get_batch()
            results = _run(gx, batch, suite, expectations)
            if not results:
                found.append(
                    CheckResult(
                        suite.name, "expect_suite_to_have_expectations", None, False, "no expectation at all"
                    )
                )
            for check, result in zip(suite.checks, results, strict=True):
                found.append(_plain_result(suite, check, result))
    return found


def _run(gx: Any, batch: Any, suite: Suite, expectations: list[Any]) -> list[Any]:
    """Validation results in the order of the suite's checks."""
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )

    by_row = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    found: dict[int, Any] = {}

    def run(numbers: list[int], result_format: str) -> None:
        if not numbers:
            return
        wanted = gx.ExpectationSuite(name=suite.name, expectations=[expectations[n] for n in numbers])
        for result in batch.validate(wanted, result_format=result_format).results:
            found[result.expectation_config.meta["check"]] = result

    row_checks = [n for n, e in enumerate(expectations) if isinstance(e, by_row)]
    run(row_checks, "BOOLEAN_ONLY")
    run([n for n in range(len(expectations)) if n not in row_checks], "SUMMARY")
    run([n for n in row_checks if not found[n].success and not error_of(found[n])], "BASIC")
    for number, result in found.items():
        hide_values(suite, suite.checks[number], result)
    return [found[n] for n in range(len(expectations))]


def _plain_result(suite: Suite, check: Check, result: Any) -> CheckResult:
    found, error = result.result or {}, error_of(result)
    success = bool(result.success) and error is None
    observed: str | None = None
    if error is not None:
        observed = f"raised: {error}"
    elif rows := (found.get("details") or {}).get("unexpected_rows"):
        observed = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in rows[:3])
        observed += f"; {len(rows)} rows" if len(rows) > 3 else ""
    elif "element_count" in found and not success:
        observed = f"{found['unexpected_count']} of {found['element_count']} rows"
    elif not check.type.startswith(
        ("expect_query", "expect_key", "expect_files", "expect_metric", "expect_row", "expect_column_types")
    ):
        value, wrong = found.get("observed_value"), found.get("partial_unexpected_list")
        observed = (
            (", ".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value))
            if value is not None
            else f"unexpected: {', '.join(map(str, wrong))}"
            if wrong
            else None
        )
    detail = {"arguments": check.kwargs, "rule": check.origin}
    detail |= {"description": check.description} if check.description else {}
    if not success:
        detail |= {k: found[k] for k in ("partial_unexpected_list", "details") if found.get(k)}
        detail |= {"error": error} if error else {}
    return CheckResult(
        suite.name,
        check.type,
        check.column,
        success,
        observed[:TEXT_LIMIT] if observed else None,
        json.dumps(detail, default=str, ensure_ascii=False),
        check.severity,
    )
