"""What the report asks of care, points and offers: rows per chart, already summed, no customer among them."""

from __future__ import annotations

from pipelines.quoting import literal
from pipelines.report.limits import MONTHS

STATUSES = ("done", "done_late", "due", "overdue", "missed")
"""Of the contacts whose day has come, in the order of their bars; the others are upcoming."""

OPEN = ("due", "overdue")
"""What tomorrow's list asks for."""


def _contacts(statuses: tuple[str, ...]) -> str:
    return f"count(*) filter (status in ({', '.join(map(literal, statuses))}))"


_SCHEDULE = f"""
select
    tier, {", ".join(f"{_contacts((status,))} as {status}" for status in (*STATUSES, "upcoming"))},
    count(distinct customer_id) filter (status in {OPEN}) as customers,
    count(distinct customer_id) filter (status in {OPEN} and not is_reachable) as unreachable
from care_schedule
group by tier
"""

_AGEING = "select expiry_month, points, value::double as value from points_ageing order by expiry_month"

_LIABILITY = f"""
select
    month, bool_and(is_complete_month) as is_complete_month, sum(earned)::bigint as earned,
    sum(redeemed)::bigint as redeemed, sum(expired)::bigint as expired, sum(closing)::bigint as closing,
    sum(recognised_revenue)::double as recognised, sum(deferred_revenue)::double as deferred
from points_liability_monthly
group by month
qualify row_number() over (order by month desc) <= {MONTHS}
order by month
"""

_OFFERS = """
select list, method, is_published, cutoff_date, customers, recall_at_10, ndcg_at_10, hit_rate_at_10
from recommendation_evaluation
where cutoff_date = (select max(cutoff_date) from recommendation_evaluation)
order by list, is_published desc, hit_rate_at_10 desc, method
"""

QUERIES = {
    "schedule": (("care_schedule",), _SCHEDULE),
    "ageing": (("points_ageing",), _AGEING),
    "liability": (("points_liability_monthly",), _LIABILITY),
    "offers": (("recommendation_evaluation",), _OFFERS),
}
"""By name of the rows, the marts they are of and the query."""
