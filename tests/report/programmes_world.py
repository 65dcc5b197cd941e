"""Rows of the marts that the report's care, points and offers are drawn from, each figure known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from names_world import AS_OF, HOSTILE, MONTH

CUTOFF = date(2026, 3, 3)
_CARE = (
    ("diamond", "done", 6), ("diamond", "done_late", 1), ("diamond", "due", 2), ("diamond", "upcoming", 4),
    (HOSTILE, "done", 3), (HOSTILE, "overdue", 3), (HOSTILE, "missed", 5), ("new", "upcoming", 2),
)  # fmt: skip


def programme_tables() -> dict[str, list[dict[str, Any]]]:
    """Rows of each mart, of just the columns that the report reads."""
    return {
        "care_schedule": [
            # Who has two contacts is one customer to call.
            {"customer_id": f"{tier}{n // 2}", "tier": tier, "status": status, "due_date": due, "as_of_date": AS_OF,
             "is_reachable": status != "overdue" or n > 1}
            for tier, status, count in _CARE
            for n in range(count)
            # Half of those whose day has come have theirs in the month before.
            for due in (AS_OF + timedelta(9) if status == "upcoming" else AS_OF - timedelta(40 * (n % 2)),)
        ],
        "points_ageing": [
            {"expiry_month": date(2026, month, 1), "points": points, "value": points / 100}
            for month, points in ((4, 500), (5, 1_000), (6, 8_500))
        ],
        "points_liability_monthly": [
            {
                "month": month, "earn_month": earned_in, "is_complete_month": True, "earned": earned, "redeemed": 1_000,
                "expired": 0, "closing": closing, "recognised_revenue": 10.0, "deferred_revenue": closing / 120,
            }
            for month, earned_in, earned, closing in (
                (date(2026, 2, 1), date(2026, 2, 1), 6_000, 5_000), (MONTH, date(2026, 2, 1), 0, 4_000),
                (MONTH, MONTH, 7_000, 6_000),
            )
        ],
        "recommendation_evaluation": [
            {
                "list": list_, "method": method, "is_published": rank == 0, "cutoff_date": CUTOFF, "customers": 800,
                "recall_at_10": rate / 4, "ndcg_at_10": rate / 5, "hit_rate_at_10": rate,
            }
            for list_, methods in (
                ("buy_again", (("recent_repeats", 0.62), ("personal_frequency", 0.6), ("popularity", 0.4))),
                ("discover", (("item_neighbours", 0.12), ("popularity_without_own", 0.1), ("popularity", 0.08))),
            )
            for rank, (method, rate) in enumerate(methods)
        ],
    }  # fmt: skip
