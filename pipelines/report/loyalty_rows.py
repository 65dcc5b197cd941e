"""What the report asks of flows, feedback, loyalty and defections: rows per chart, already summed."""

from __future__ import annotations

YEAR = 12
"""Months that defections are told over: long enough for reasons, short enough to be about now."""

# The last complete month; before there is one, the running month.
_MONTHS = """
    select max(month) as month from retention_flows_monthly
    where is_complete_month = (select bool_or(is_complete_month) from retention_flows_monthly)
"""

_FLOWS = "select * from retention_flows_monthly order by month"

_REVENUE = f"""
select month, sum(net_amount)::double as revenue
from fct_transactions
where month between (select month - interval 12 months from ({_MONTHS})) and (select month from ({_MONTHS}))
group by month
"""

_WALLET_SHARE = """
select month, (sum(own_spend) / nullif(sum(wallet), 0))::double as share_of_wallet
from share_of_wallet_summary_monthly
where category = 'all'
group by month
"""

# As `customer_retention` and `customer_value` would have had it on each of the days, by the thresholds of this run:
# the flows' rule for past months. Only the days are read that can decide it.
_AT_RISK = f"""
with shown as (
    select
        flows.month,
        least(last_day(flows.month), (select max(as_of_date) from customer_retention)) as day
    from retention_flows_monthly as flows
    inner join ({_MONTHS}) as newest
        on flows.month in (newest.month, newest.month - interval 1 month, newest.month - interval 12 months)
), purchase_days as (
    select customer_id, business_date
    from fct_transactions
    where
        customer_id is not null
        and business_date >= (select min(day) from shown) - (select ceil(max(lapsed_after_days))::integer from customer_retention)
    group by customer_id, business_date
    having sum(net_amount) > 0
), latest as (
    select shown.month, shown.day, purchase_days.customer_id, max(purchase_days.business_date) as last_date
    from shown
    inner join purchase_days on purchase_days.business_date <= shown.day
    group by shown.month, shown.day, purchase_days.customer_id
), at_risk as (
    select latest.month, latest.customer_id, coalesce(12 * tiers.avg_monthly_spend, 0)::double as yearly_value
    from latest
    inner join customer_retention as retention on latest.customer_id = retention.customer_id
    left join customer_tiers_monthly as tiers
        on latest.customer_id = tiers.customer_id and latest.month = tiers.month and tiers.tier <> 'lapsed'
    where
        date_diff('day', latest.last_date, latest.day) > retention.at_risk_after_days
        and date_diff('day', latest.last_date, latest.day) <= retention.lapsed_after_days
)
select shown.month, shown.day, count(at_risk.customer_id) as customers, coalesce(sum(yearly_value), 0) as yearly_value
from shown
left join at_risk on shown.month = at_risk.month
group by shown.month, shown.day
"""

_STATUS = """
select
    value.tier, retention.status, count(*) as customers, sum(value.yearly_run_rate)::double as yearly_value
from customer_retention as retention
inner join customer_value as value on retention.customer_id = value.customer_id
group by value.tier, retention.status
"""

_VOICE = """
select *
from feedback_summary_monthly
where dimension = 'all'
order by month
"""

_CAUSES = """
select *
from complaint_causes_monthly
where month = (select max(month) from complaint_causes_monthly)
order by complaints_12m desc, topic
"""

_MATRIX = """
select tier, loyalty, customer_count, revenue_12m::double as revenue_12m
from loyalty_matrix_summary
where attitude_kind = 'all'
"""

# The last complete month, as for the figures of the night; before there is one, the running month.
_DRIVERS = """
select *
from loyalty_drivers_monthly
where month = (
    select max(month) from loyalty_drivers_monthly
    where is_complete_month = (select bool_or(is_complete_month) from loyalty_drivers_monthly)
)
order by driver
"""

# A customer's value is lost once, however often the customer leaves: the first defection of the year has it.
_DEFECTIONS = f"""
with of_year as (
    select
        defections.*,
        newest.month as last_month,
        row_number() over (partition by defections.customer_id order by defections.lapse_number) as nth
    from defections
    inner join ({_MONTHS}) as newest
        on date_trunc('month', defections.lapse_date) between newest.month - interval {YEAR - 1} months and newest.month
    where defections.is_defection
)
select
    reason, reason_basis, count(*) as defections, count(*) filter (where is_open) as still_open,
    count(*) filter (where recoverability = 'likely' and is_open) as likely,
    sum(case when nth = 1 then yearly_value_lost else 0 end)::double as yearly_value_lost,
    max(last_month) as month,
    (select bool_or(is_complete_month) from retention_flows_monthly) as is_complete_month
from of_year
group by reason, reason_basis
"""

# Lapses of all months together: those of one are too few to compare.
_WIN_BACK = """
select
    sum(contacted_30d)::integer as contacted, sum(won_back_contacted)::integer as contacted_back,
    sum(not_contacted_30d)::integer as others, sum(won_back_not_contacted)::integer as others_back
from defections_summary_monthly
where tier_before = 'all' and reason = 'all'
having count(*) > 0
"""

QUERIES = {
    "flows": (("retention_flows_monthly",), _FLOWS),
    "revenue": (("fct_transactions", "retention_flows_monthly"), _REVENUE),
    "wallet_share": (("share_of_wallet_summary_monthly",), _WALLET_SHARE),
    "at_risk": (
        ("customer_retention", "customer_tiers_monthly", "fct_transactions", "retention_flows_monthly"),
        _AT_RISK,
    ),
    "status": (("customer_retention", "customer_value"), _STATUS),
    "voice": (("feedback_summary_monthly",), _VOICE),
    "causes": (("complaint_causes_monthly",), _CAUSES),
    "matrix": (("loyalty_matrix_summary",), _MATRIX),
    "drivers": (("loyalty_drivers_monthly",), _DRIVERS),
    "defections": (("defections", "retention_flows_monthly"), _DEFECTIONS),
    "win_back": (("defections_summary_monthly",), _WIN_BACK),
}
"""By name of the rows, the marts they are of and the query."""
