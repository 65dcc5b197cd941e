{# The tier that the window alone earns. Bounds are multiplied, not spend divided, so that it is exact. #}
{{ config(materialized='table' if holds_tiers() else 'view') }}

with assessments as (
    select * from {{ ref('int_customer_assessments') }}
),

bands as (
    select
        month,
        tier,
        tier_rank,
        lower_bound,
        upper_bound,
        tier_rank = lowest_rank as is_lowest
    from {{ ref('int_tier_policy_months') }}
)

select
    assessments.customer_id,
    assessments.month,
    assessments.month_index,
    assessments.window_net_amount,
    assessments.window_profit_amount,
    assessments.purchase_days,
    assessments.months_observed,
    assessments.profit_basis,
    case
        when assessments.is_lapse then 'lapsed'
        when assessments.is_new_customer then 'new'
        else bands.tier
    end as earned_tier,
    case
        when not assessments.is_lapse and not assessments.is_new_customer then bands.tier_rank
    end as earned_rank,
    bands.lower_bound
from assessments
inner join bands
    on
        assessments.month = bands.month
        and (
            bands.is_lowest
            or assessments.window_net_amount >= bands.lower_bound * assessments.months_observed
        )
        and (
            bands.upper_bound is null
            or assessments.window_net_amount < bands.upper_bound * assessments.months_observed
        )
