"""Expectations of Mainstay's own. Importing this module imports Great Expectations: do it in functions only.

Each is a query for the rows that should not be. Great Expectations' own UnexpectedRowsExpectation runs its
query twice, for the rows and for their count; these run it once.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core import UnexpectedRowsExpectation

SHOWN_ROWS = 20


class ExpectQueryToReturnNoRows(UnexpectedRowsExpectation):  # type: ignore[misc]
    """The query returns no row."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(self, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        rows = metrics["unexpected_rows_query.table"]
        return {
            "success": not rows,
            "result": {"observed_value": len(rows), "details": {"unexpected_rows": rows[:SHOWN_ROWS]}},
        }


class ExpectBatchToBeReadable(ExpectQueryToReturnNoRows):
    """What the suite is about can be read at all: the table and the batch's columns are there."""


class ExpectFilesToHaveColumns(ExpectQueryToReturnNoRows):
    """Each landed file has the columns that its contract names."""


class ExpectColumnTypesToMatchContract(ExpectQueryToReturnNoRows):
    """The contract's columns are there with exactly the contract's types, precision and scale included."""


class ExpectKeyToBeUnique(ExpectQueryToReturnNoRows):
    """No two rows share a key."""


class ExpectKeysToTellRowsApart(ExpectQueryToReturnNoRows):
    """No landing date has more rows than tolerated whose key an earlier row of another customer or date has."""


class ExpectMetricToKeepRule(ExpectQueryToReturnNoRows):
    """A library metric of the contract's data quality rules lies where its operator wants it."""


class ExpectRowCountToBeUsual(ExpectQueryToReturnNoRows):
    """Each loaded date has about as many rows as its weekday usually has."""
