with tiers as (
    select
        *,
        lag(tier) over (partition by customer_id order by month) as previous_tier,
        lag(tier_rank) over (partition by customer_id order by month) as previous_rank,
        {{ to_average('cast(window_net_amount as double) / months_observed') }} as avg_monthly_spend
    from {{ ref('int_customer_held_tiers') }}
),

months as (
    select * from {{ ref('int_months') }}
),

first_purchases as (
    select * from {{ ref('int_customer_first_purchases') }}
),

-- Ranks compare within one policy: where a new one came into force, the tier held before takes its rank there.
policy as (
    select * from {{ ref('int_tier_policy_months') }}
)

select
    tiers.customer_id,
    tiers.month,
    months.is_complete_month,
    tiers.tier,
    tiers.earned_tier,
    tiers.tier_rank,
    tiers.previous_tier,
    case
        when tiers.tier = 'lapsed' then 'lapsed'
        when tiers.previous_tier is null then 'new'
        when tiers.previous_tier = 'lapsed' then 'returned'
        when tiers.previous_tier = tiers.tier then 'unchanged'
        when tiers.previous_tier = 'new' then 'graduated'
        when tiers.tier_rank < coalesce(policy.tier_rank, tiers.previous_rank) then 'upgraded'
        when tiers.tier_rank > coalesce(policy.tier_rank, tiers.previous_rank) then 'downgraded'
        else 'unchanged'
    end as movement,
    case
        when tiers.tier = 'lapsed' then 'no purchase in {{ var("tier_window_months") | int }} months'
        when tiers.tier = 'new' then 'first purchase ' || {{ month_text('first_purchases.first_purchase_month') }}
        when tiers.is_soft_landing then 'soft landing'
        when tiers.tier <> tiers.earned_tier
            then 'grace month ' || cast(tiers.grace_month as {{ text_type() }}) || ' of {{ var("grace_months") | int }}'
        else
            'avg_monthly_spend ' || {{ money_text('tiers.avg_monthly_spend') }}
            || case when tiers.avg_monthly_spend >= tiers.lower_bound then ' >= ' else ' < ' end
            || {{ money_text('tiers.lower_bound') }}
    end as reason,
    tiers.months_observed,
    tiers.window_net_amount as window_spend,
    tiers.window_profit_amount as window_profit,
    tiers.avg_monthly_spend,
    tiers.purchase_days,
    tiers.profit_basis
from tiers
inner join months
    on tiers.month = months.month
inner join first_purchases
    on tiers.customer_id = first_purchases.customer_id
left join policy
    on tiers.month = policy.month and tiers.previous_tier = policy.tier
