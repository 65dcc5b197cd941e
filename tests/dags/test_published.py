"""What a publishing says in a task's log."""

from __future__ import annotations

from typing import Any

from pipelines.orchestrate.published import event_extra, published_lines

SUMMARY: dict[str, Any] = {
    "as_of_date": "2025-03-04",
    "version": "v2",
    "rows": 1250,
    "unchanged": False,
    "marts": [
        {"name": "dim_tiers", "status": "same", "rows_before": 5, "rows_after": 5},
        {"name": "fct_transactions", "status": "changed", "rows_before": 1000, "rows_after": 1240},
        {"name": "loyalty_matrix", "status": "new", "rows_before": None, "rows_after": 5},
        {"name": "old_mart", "status": "gone", "rows_before": 7, "rows_after": None},
    ],
}


def test_a_night_has_a_table_of_the_marts_that_changed() -> None:
    assert published_lines(SUMMARY) == [
        "Published as of 2025-03-04: version v2, 1,250 rows",
        "mart              before  after  difference",
        "----------------  ------  -----  ----------",
        "fct_transactions   1,000  1,240        +240",
        "loyalty_matrix         –      5          +5",
        "old_mart               7      –          -7",
        "the same as before: 1",
    ]


def test_a_backfill_has_what_was_compared_row_by_row() -> None:
    compared = {"added": 0, "removed": 1, "changed": 3}
    changes = {
        "before": "v1",
        "problem": None,
        "tables": [SUMMARY["marts"][0] | compared | {"status": "same"}, SUMMARY["marts"][1] | compared],
        "tiers_moved": [{"from_tier": "gold", "to_tier": None, "customers": 2, "customer_months": 3}],
        "revenue_restated": [
            {"month": "2025-02-01", "before": "10.00", "after": "7.50", "difference": "-2.50"}
        ],
    }
    assert published_lines(SUMMARY | {"changes": changes})[1:6] == [
        "mart              before  after  difference  added  removed  changed",
        "----------------  ------  -----  ----------  -----  -------  -------",
        "fct_transactions   1,000  1,240        +240      0        1        3",
        "tier gold → –: 2 customers, 3 customer months",
        "revenue of 2025-02: 10.00 → 7.50 (-2.50)",
    ]


def test_the_same_night_again_changes_nothing_and_says_so() -> None:
    again = SUMMARY | {"unchanged": True}
    assert published_lines(again) == ["Nothing changed for BI: as of 2025-03-04, version v2"]
    assert event_extra(again) == {
        "as_of_date": "2025-03-04",
        "rows": 1250,
        "version": "v2",
        "unchanged": True,
    }
