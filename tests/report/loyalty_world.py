"""Rows of the marts that the report's figures, voice, loyalty and defections are drawn from, each figure known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from names_world import AS_OF, BEFORE, HOSTILE, MONTH

MONTHS = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(2, 15)]
"""From a year before the night's month to that month."""


def loyalty_tables() -> dict[str, list[dict[str, Any]]]:
    """Rows of each mart, of just the columns that the report reads."""
    return {
        "retention_flows_monthly": [
            {
                "month": month, "is_complete_month": True, "opening": 90 + n, "new": 5, "reactivated": 6, "lapsed": 10,
                "closing": 91 + n, "retention_rate": 1 - 10 / (90 + n),
            }
            for n, month in enumerate(MONTHS)
        ],
        "fct_transactions": [
            # Two who bought on the last day, one at risk (60 days away), one lapsed, and a sale of nobody.
            {"customer_id": customer, "business_date": day, "month": day.replace(day=1), "net_amount": amount}
            for customer, day, amount in (
                ("c1", AS_OF, 1000.0), ("c2", AS_OF, 500.0), ("c3", AS_OF - timedelta(60), 70.0),
                ("c4", AS_OF - timedelta(300), 80.0), (None, AS_OF, 25.0), ("c1", date(2026, 2, 3), 1200.0),
                # A return is no purchase day: c3 stays away.
                ("c3", AS_OF, -5.0),
            )
        ],
        "customer_retention": [
            {
                "customer_id": customer, "as_of_date": AS_OF, "status": status, "at_risk_after_days": 30.0,
                "lapsed_after_days": 90.0,
            }
            for customer, status in (("c1", "active"), ("c2", "new"), ("c3", "at_risk"), ("c4", "lapsed"))
        ],
        "customer_value": [
            {"customer_id": customer, "tier": tier, "yearly_run_rate": rate}
            for customer, tier, rate in (
                ("c1", "diamond", 12_000.0), ("c2", HOSTILE, 6_000.0), ("c3", "1000", 840.0), ("c4", "lapsed", 0.0)
            )
        ],
        "customer_tiers_monthly": [
            {
                "customer_id": customer, "month": month, "tier": "1000", "avg_monthly_spend": 70.0, "movement": movement,
                "is_complete_month": True,
            }
            for customer, month, movement in (
                ("c3", BEFORE, "upgraded"), ("c3", MONTH, "unchanged"), ("c1", MONTH, "downgraded"), ("c2", MONTH, "returned"),
            )
        ],
        "relationship_stages_monthly": [
            {"month": month, "stage": stage, "is_complete_month": True}
            for month, stage in ((BEFORE, "loose"), (BEFORE, "loose"), (MONTH, "loose"), (MONTH, "close"), (MONTH, "partner"))
        ],
        "share_of_wallet_summary_monthly": [
            {"month": month, "category": "all", "tier": tier, "own_spend": own, "wallet": 100.0}
            for month in MONTHS
            for tier, own in (("diamond", 60.0), (HOSTILE, 20.0))
        ],
        "feedback_summary_monthly": [
            {
                "month": month, "dimension": "all", "value": "all", "is_complete_month": True, "nps_answers": 100, "nps": 0.3,
                "nps_ci_low": 0.15, "nps_ci_high": 0.45, "csat_answers": 40, "csat_satisfied": 30, "csat_rate": 0.75,
                "complaints": 12, "suggestions": 3, "responded": 14, "response_hours_median": 20.0,
                "response_hours_p90": 70.5, "resolution_hours_median": 90.0, "open_complaints": 2,
                "loop_closed_rate": 0.5, "repeat_complaint_rate": 0.125, "unhappy_customers": 20,
                "estimated_silent_unhappy": 120.0, "estimated_reached": 517.0,
            }
            for month in MONTHS
        ]
        + [
            {"month": month, "dimension": "topic", "value": topic, "is_complete_month": True, "complaints": count}
            for month, topic, count in ((BEFORE, "checkout", 5), (MONTH, "checkout", 7), (MONTH, HOSTILE, 5))
        ],
        "complaint_causes_monthly": [
            {
                "month": MONTH, "topic": topic, "complaints_12m": count, "share": count / 100, "cumulative_share": up_to,
                "recent": recent, "expected_recent": count / 4, "is_rising": is_rising,
            }
            for topic, count, up_to, recent, is_rising in (
                ("checkout", 60, 0.6, 15, False), (HOSTILE, 30, 0.9, 20, True), ("unknown", 10, 1.0, 2, False)
            )
        ],
        "loyalty_matrix_summary": [
            {"tier": tier, "attitude_kind": kind, "loyalty": loyalty, "customer_count": count, "revenue_12m": 10.0 * count}
            for tier in ("diamond", HOSTILE)
            for kind in ("all", "nps")
            for loyalty, count in (("true", 10), ("spurious", 30), ("unknown_attitude", 200))
        ],
        "loyalty_drivers_monthly": [
            {
                "month": month, "driver": driver, "is_complete_month": True, "answers": 40, "mean_score": 71.25,
                "score_standard_error": 3.5, "high_raters": 60, "high_retention_rate": rate and 0.5 + rate,
                "low_raters": 40, "low_retention_rate": rate and 0.5, "retention_difference": rate,
                "difference_ci_low": rate and rate - 0.1, "difference_ci_high": rate and rate + 0.1,
                "high_median_change": 1.0, "low_median_change": -0.5,
            }
            for month in (BEFORE, MONTH)
            for driver, rate in (("service_quality", 0.2), (HOSTILE, 0.05), ("added_value", None))
        ],
        "defections": [
            *(defection(f"d{n}", reason="service_problem", reason_basis="said", yearly_value_lost=100.0) for n in range(3)),
            *(defection(f"e{n}", reason=HOSTILE, reason_basis="inferred", yearly_value_lost=40.0) for n in range(2)),
            defection("f", reason="unknown", reason_basis="none", yearly_value_lost=900.0),
            # Left again within the year: the value went with the first time.
            defection("d0", lapse_number=2, reason="unknown", reason_basis="none", lapse_date=AS_OF - timedelta(5)),
            # Too short a lapse to be a defection.
            defection("g", is_defection=False, yearly_value_lost=7_000.0),
        ],
        "defections_summary_monthly": [
            {
                "month": month, "tier_before": tier, "reason": reason, "is_complete_month": True, "defections": 4,
                "contacted_30d": 20, "won_back_contacted": 10,
                "not_contacted_30d": 25, "won_back_not_contacted": 5,
            }
            for month in MONTHS[:2]
            for tier, reason in (("all", "all"), ("all", HOSTILE), ("diamond", "all"))
        ],
    }  # fmt: skip


def defection(customer: str, **fields: Any) -> dict[str, Any]:
    """A lapse a month ago."""
    usual = {
        "customer_id": customer, "lapse_number": 1, "lapse_date": AS_OF - timedelta(30), "reason": "unknown",
        "reason_basis": "none", "recoverability": "likely", "yearly_value_lost": 50.0, "is_defection": True, "is_open": True,
    }  # fmt: skip
    return usual | fields
