-- No cent of the active customers' windows is lost or counted twice among the tiers.
with tiers as (
    select
        month,
        sum(revenue) as revenue,
        sum(profit) as profit
    from {{ ref('tier_contribution_monthly') }}
    group by month
),

windows as (
    select
        month,
        sum(window_net_amount) as revenue,
        sum(window_profit_amount) as profit
    from {{ ref('int_customer_windows') }}
    group by month
)

select
    windows.month,
    windows.revenue,
    tiers.revenue as revenue_by_tier,
    windows.profit,
    tiers.profit as profit_by_tier
from windows
left join tiers
    on windows.month = tiers.month
where
    tiers.month is null
    or tiers.revenue <> windows.revenue
    or tiers.profit <> windows.profit
