-- No cent of the windows, the active customers' and the anonymous, is lost or counted twice among the rows.
with tiers as (
    select
        month,
        sum(revenue) as revenue,
        sum(profit) as profit
    from {{ ref('tier_contribution_monthly') }}
    group by month
),

all_windows as (
    select
        month,
        window_net_amount,
        window_profit_amount
    from {{ ref('int_customer_windows') }}
    union all
    select
        month,
        window_net_amount,
        window_profit_amount
    from {{ ref('int_anonymous_windows') }}
),

windows as (
    select
        month,
        sum(window_net_amount) as revenue,
        sum(window_profit_amount) as profit
    from all_windows
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
