{#
    What each customer did in the last complete months, 12 at most, at whose start the customer was not lapsed, by the
    tier held at the end of the month before (null where none). The month after the last complete one counts only
    for who is there at its start.
#}
{%- set window_months = 12 -%}
with complete_months as (
    select
        month,
        month_index,
        {{ add_months('month', 1) }} as following_month,
        max(month_index) over () as last_index
    from {{ ref('int_months') }}
    where is_complete_month
),

spells as (
    select * from {{ ref('int_retention_spells') }}
),

tiers as (
    select * from {{ ref('customer_tiers_monthly') }}
    where tier <> 'lapsed'
),

customer_months as (
    select * from {{ ref('int_customer_months') }}
),

-- At most one spell of a customer runs at a month's start.
starts as (
    select
        spells.customer_id,
        complete_months.month as tier_month,
        complete_months.following_month as month,
        complete_months.month_index < complete_months.last_index as is_observed,
        coalesce({{ month_start('spells.lapse_date') }} = complete_months.following_month, false) as is_lapsing
    from complete_months
    inner join spells
        on
            complete_months.following_month > spells.started_on
            and (spells.lapse_date is null or complete_months.following_month <= spells.lapse_date)
    where complete_months.month_index >= complete_months.last_index - {{ window_months }}
)

select
    starts.customer_id,
    tiers.tier,
    max(case when starts.is_observed then 0 else 1 end) as is_held_now,
    sum(case when starts.is_observed then 1 else 0 end) as months_at_risk,
    sum(case when starts.is_observed and not starts.is_lapsing then 1 else 0 end) as months_kept,
    cast(
        sum(case when starts.is_observed then coalesce(customer_months.profit_amount, 0) else 0 end) as {{ amount_type() }}
    ) as profit_amount,
    min(case when starts.is_observed then starts.month end) as first_month
from starts
left join tiers
    on starts.customer_id = tiers.customer_id and starts.tier_month = tiers.month
left join customer_months
    on starts.customer_id = customer_months.customer_id and starts.month = customer_months.month
group by starts.customer_id, tiers.tier
