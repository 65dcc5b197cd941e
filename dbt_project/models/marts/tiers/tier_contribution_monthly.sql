with customers as (
    select
        month,
        is_complete_month,
        tier,
        window_spend,
        window_profit,
        profit_basis,
        {{ to_decimal('cast(window_spend as double) / months_observed', 10, 28) }} as avg_monthly_spend
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
        cast(sum(avg_monthly_spend) as double) / count(*) as avg_monthly_spend,
        case when min(profit_basis) = max(profit_basis) then min(profit_basis) else 'mixed' end as profit_basis
    from customers
    group by month, is_complete_month, tier
),

-- What nobody's name is on counts in the totals, and in no share of the customers'.
with_anonymous as (
    select
        *,
        customer_count as members,
        revenue as customer_revenue,
        profit as customer_profit
    from tiers
    union all
    select
        month,
        is_complete_month,
        'anonymous' as tier,
        0 as customer_count,
        window_net_amount as revenue,
        window_profit_amount as profit,
        null as avg_monthly_spend,
        profit_basis,
        null as members,
        null as customer_revenue,
        null as customer_profit
    from {{ ref('int_anonymous_windows') }}
),

with_totals as (
    select
        *,
        sum(members) over (partition by month) as customers,
        sum(customer_revenue) over (partition by month) as revenue_of_customers,
        sum(customer_profit) over (partition by month) as profit_of_customers,
        sum(revenue) over (partition by month) as revenue_of_all,
        sum(profit) over (partition by month) as profit_of_all
    from with_anonymous
)

select
    month,
    is_complete_month,
    tier,
    cast(customer_count as integer) as customer_count,
    {{ share('members', 'customers') }} as customer_share,
    cast(revenue as {{ amount_type() }}) as revenue,
    {{ share('customer_revenue', 'revenue_of_customers') }} as revenue_share,
    {{ share('revenue', 'revenue_of_all') }} as revenue_share_of_all,
    cast(profit as {{ amount_type() }}) as profit,
    {{ share('customer_profit', 'profit_of_customers') }} as profit_share,
    {{ share('profit', 'profit_of_all') }} as profit_share_of_all,
    {{ to_average('avg_monthly_spend') }} as avg_monthly_spend,
    profit_basis
from with_totals
