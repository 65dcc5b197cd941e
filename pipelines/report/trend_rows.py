"""What the report asks of the months, where a chart of this night's state has its history: a row per month and part."""

from __future__ import annotations

from pipelines.quoting import literal
from pipelines.report.programme_rows import STATUSES

# Months that have ended; the running one alone while there is no other.
_ENDED = "is_complete_month = (select bool_or(is_complete_month) from {mart})"


def _ended(mart: str) -> str:
    return _ENDED.format(mart=mart)


_TIERS = f"""
select month, tier as part, customer_count as amount
from tier_contribution_monthly
where tier <> 'anonymous' and {_ended("tier_contribution_monthly")}
order by month
"""

_MOVES = f"""
select month, movement as part, count(*) as amount
from customer_tiers_monthly
where {_ended("customer_tiers_monthly")}
group by month, movement
order by month
"""

_STAGES = f"""
select month, stage as part, count(*) as amount
from relationship_stages_monthly
where {_ended("relationship_stages_monthly")}
group by month, stage
order by month
"""

_DRIVERS = f"""
select month, driver as part, mean_score as amount
from loyalty_drivers_monthly
where mean_score is not null and {_ended("loyalty_drivers_monthly")}
order by month
"""

_CAUSES = f"""
select month, value as part, complaints as amount
from feedback_summary_monthly
where dimension = 'topic' and {_ended("feedback_summary_monthly")}
order by month
"""

_DEFECTIONS = f"""
select month, reason as part, defections as amount
from defections_summary_monthly
where tier_before = 'all' and reason <> 'all' and {_ended("defections_summary_monthly")}
order by month
"""

# The day decides the month; those to come have no outcome yet.
_SCHEDULE = f"""
select date_trunc('month', due_date)::date as month, status as part, count(*) as amount
from care_schedule
where status in ({", ".join(map(literal, STATUSES))}) and due_date <= as_of_date
group by all
order by month
"""

_WALLET = f"""
select
    month, case when method = 'benchmark' then 'benchmark' else 'surveyed' end as part,
    (sum(own_spend) / nullif(sum(wallet), 0))::double as amount, count(*) as customers
from share_of_wallet_monthly
where category = 'all' and {_ended("share_of_wallet_monthly")}
group by all
order by month
"""

QUERIES = {
    "tiers_trend": (("tier_contribution_monthly",), _TIERS),
    "moves_trend": (("customer_tiers_monthly",), _MOVES),
    "stages_trend": (("relationship_stages_monthly",), _STAGES),
    "drivers_trend": (("loyalty_drivers_monthly",), _DRIVERS),
    "causes_trend": (("feedback_summary_monthly",), _CAUSES),
    "defections_trend": (("defections_summary_monthly",), _DEFECTIONS),
    "schedule_trend": (("care_schedule",), _SCHEDULE),
    "wallet_trend": (("share_of_wallet_monthly",), _WALLET),
}
"""By name of the rows, the marts they are of and the query."""
