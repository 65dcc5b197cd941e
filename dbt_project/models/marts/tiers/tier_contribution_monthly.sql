with customers as (
    select
        month,
        is_complete_month,
        tier,
        window_spend,
        window_profit,
        profit_basis,
        cast(window_spend / cast(months_observed as decimal(18, 2)) as decimal(28, 10)) as avg_monthly_spend
    from {{ ref('customer_tiers_monthly') }}
    where tier <> 'lapsed'
),

tiers as (
    select
        month,
        is_complete_month,
        tier,
        count(*) as customer_count,
        sum(window_spend) as revenue,
        sum(window_profit) as profit,
        sum(avg_monthly_spend) / count(*) as avg_monthly_spend,
        case when min(profit_basis) = max(profit_basis) then min(profit_basis) else 'mixed' end as profit_basis
    from customers
    group by month, is_complete_month, tier
),

with_totals as (
    select
        *,
        sum(customer_count) over (partition by month) as all_customers,
        sum(revenue) over (partition by month) as all_revenue,
        sum(profit) over (partition by month) as all_profit
    from tiers
)

select
    month,
    is_complete_month,
    tier,
    cast(customer_count as integer) as customer_count,
    {{ share('customer_count', 'all_customers') }} as customer_share,
    cast(revenue as decimal(18, 2)) as revenue,
    {{ share('revenue', 'all_revenue') }} as revenue_share,
    cast(profit as decimal(18, 2)) as profit,
    {{ share('profit', 'all_profit') }} as profit_share,
    cast(avg_monthly_spend as decimal(18, 4)) as avg_monthly_spend,
    profit_basis
from with_totals
