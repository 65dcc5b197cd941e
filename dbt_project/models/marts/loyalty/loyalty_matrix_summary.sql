with customers as (
    select
        tier,
        coalesce(attitude_kind, 'unknown') as attitude_kind,
        loyalty,
        revenue_12m,
        profit_12m,
        profit_basis
    from {{ ref('loyalty_matrix') }}
    union all
    select
        tier,
        'all' as attitude_kind,
        loyalty,
        revenue_12m,
        profit_12m,
        profit_basis
    from {{ ref('loyalty_matrix') }}
),

grouped as (
    select
        tier,
        attitude_kind,
        loyalty,
        count(*) as customer_count,
        sum(revenue_12m) as revenue_12m,
        sum(profit_12m) as profit_12m,
        case when min(profit_basis) = max(profit_basis) then min(profit_basis) else 'mixed' end as profit_basis
    from customers
    group by tier, attitude_kind, loyalty
),

with_totals as (
    select
        *,
        sum(case when attitude_kind = 'all' then customer_count else 0 end) over (partition by tier) as tier_customers,
        sum(customer_count) over (partition by tier, attitude_kind) as kind_customers
    from grouped
)

select
    tier,
    attitude_kind,
    loyalty,
    {{ as_of_date() }} as as_of_date,
    cast(customer_count as bigint) as customer_count,
    {{ share('customer_count', 'tier_customers') }} as customer_share,
    {{ share('customer_count', 'kind_customers') }} as kind_share,
    cast(revenue_12m as {{ amount_type() }}) as revenue_12m,
    cast(profit_12m as {{ amount_type() }}) as profit_12m,
    profit_basis
from with_totals
