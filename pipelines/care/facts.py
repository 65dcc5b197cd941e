"""What the warehouse knows of each contact that is due: one row per contact, the most urgent first."""

from __future__ import annotations

NEEDED = frozenset(
    {
        "marts.care_schedule",
        "marts.customer_retention",
        "marts.customer_tiers_monthly",
        "marts.customer_value",
        "marts.dim_customers",
        "marts.dim_tiers",
        "marts.fct_feedback",
        "marts.share_of_wallet_monthly",
        "raw.customers",
        "intermediate.int_customer_days",
        "intermediate.int_points_lots_left",
        "restricted.care_birthdays",
        "restricted.customer_contacts",
        "staging.stg_interactions",
    }
)
"""Tables that the query reads."""

FACTS = """
with scheduled as (
    select
        customer_id, tier, contact_kind, due_date, channel, is_reachable, status, priority, talking_points
    from marts.care_schedule
    union all
    select
        customer_id, tier, contact_kind, due_date, channel, is_reachable, status, priority, talking_points
    from restricted.care_birthdays
),

-- The marts hold the present cycle, whole. Where the next one begins by the list's date, its contacts are those of this one
-- again; some may have been made already, a few days early.
ahead as (
    select scheduled.* replace (due_date + $cycle_days::integer as due_date)
    from scheduled
    where
        contact_kind in ('message', 'call', 'long_call')
        and due_date + $cycle_days::integer between $as_of and $list_date
),

outbound as (
    select
        customer_id,
        business_date,
        case when kind = 'call' then 'call' else 'message' end as served_kind
    from staging.stg_interactions
    where direction = 'outbound' and kind in ('message', 'email', 'mail', 'call')
),

open_contacts as (
    select * from scheduled
    where status not in ('done', 'done_late')
    union all
    select ahead.* from ahead
    where not exists (
        select 1 from outbound
        where
            outbound.customer_id = ahead.customer_id
            and outbound.served_kind = case when ahead.contact_kind = 'message' then 'message' else 'call' end
            and outbound.business_date >= ahead.due_date - $on_time_days::integer
    )
),

-- Consent is asked a second time, for the marts have asked already, and of what has landed since they were built.
withdrawn as (
    select customer_id from raw.customers
    group by customer_id
    having not max_by(coalesce(is_marketing_consent, false), partition_date)
),

due as (
    select
        open_contacts.* replace (
            case when $list_date - due_date <= $on_time_days then 'due' else 'overdue' end as status
        ),
        customers.registered_on,
        regexp_extract(
            talking_points, 'wallet_headroom:(.*?)(,tier_near_up|,tier_near_down|$)', 1
        ) as headroom_category
    from open_contacts
    inner join marts.dim_customers as customers using (customer_id)
    where
        due_date between $list_date - $late_days::integer and $list_date
        and customers.is_marketing_consent
        and customer_id not in (select customer_id from withdrawn where customer_id is not null)
),

people as (
    select distinct customer_id from due
),

spends as (
    select customer_id, sum(net_amount) as revenue_12m, sum(profit_amount) as profit_12m
    from intermediate.int_customer_days
    where business_date > $as_of::date - interval 12 month
    group by customer_id
),

complaints as (
    select
        customer_id,
        count(*) as complaints,
        max_by(business_date, (feedback_at, feedback_id)) as complaint_date,
        arg_max_null(topic, (feedback_at, feedback_id)) as topic
    from marts.fct_feedback
    where kind = 'complaint' and resolved_at is null and business_date > $as_of::date - 90
    group by customer_id
),

points as (
    select
        customer_id, sum(points_left) as points, min(expires_on) as first_expiry, max(expires_on) as last_expiry
    from intermediate.int_points_lots_left
    where expires_on <= last_day($as_of::date + interval 1 month) and points_left > 0
    group by customer_id
),

contacts as (
    select
        customer_id,
        max_by(business_date, (interaction_at, interaction_id)) as last_contact_date,
        max_by(kind, (interaction_at, interaction_id)) as last_contact_kind,
        max_by(direction, (interaction_at, interaction_id)) as last_contact_direction
    from staging.stg_interactions
    where kind <> 'campaign_mailing' and customer_id in (select customer_id from people)
    group by customer_id
),

labels as (
    select
        tier,
        max_by(label_en, (is_current, valid_from)) as label_en,
        max_by(label_zh, (is_current, valid_from)) as label_zh
    from marts.dim_tiers
    group by tier
),

bounds as (
    select tier_rank, lower_bound, label_en, label_zh
    from marts.dim_tiers
    where is_policy_tier and is_current
)

select
    due.*,
    labels.label_en as tier_en,
    labels.label_zh as tier_zh,
    names.full_name,
    names.phone,
    names.email,
    names.birth_date,
    coalesce(spends.revenue_12m, 0) as revenue_12m,
    coalesce(spends.profit_12m, 0) as profit_12m,
    value.expected_profit_12m,
    value.expected_lifetime_profit,
    retention.recency_days,
    retention.median_gap_days,
    retention.at_risk_after_days,
    complaints.complaints,
    complaints.complaint_date,
    complaints.topic,
    points.points,
    points.first_expiry,
    points.last_expiry,
    wallet.headroom,
    standing.avg_monthly_spend,
    upper.lower_bound as upper_bound,
    upper.label_en as upper_en,
    upper.label_zh as upper_zh,
    own.lower_bound as own_bound,
    own.label_en as own_en,
    own.label_zh as own_zh,
    contacts.last_contact_date,
    contacts.last_contact_kind,
    contacts.last_contact_direction
from due
left join labels on due.tier = labels.tier
left join restricted.customer_contacts as names on due.customer_id = names.customer_id
left join spends on due.customer_id = spends.customer_id
left join marts.customer_value as value on due.customer_id = value.customer_id
left join marts.customer_retention as retention on due.customer_id = retention.customer_id
left join complaints on due.customer_id = complaints.customer_id
left join points on due.customer_id = points.customer_id
left join marts.share_of_wallet_monthly as wallet
    on
        due.customer_id = wallet.customer_id
        and due.headroom_category = wallet.category
        and wallet.month = date_trunc('month', $as_of::date)
left join marts.customer_tiers_monthly as standing
    on due.customer_id = standing.customer_id and standing.month = date_trunc('month', $as_of::date)
left join bounds as own on standing.tier_rank = own.tier_rank
left join bounds as upper on standing.tier_rank = upper.tier_rank + 1
left join contacts on due.customer_id = contacts.customer_id
order by due.priority, due.due_date, value.expected_profit_12m desc nulls last, due.customer_id, due.contact_kind
"""
"""Parameters: as_of, list_date, cycle_days, on_time_days, late_days."""
