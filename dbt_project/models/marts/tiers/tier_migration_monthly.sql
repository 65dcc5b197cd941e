with moves as (
    select
        month,
        is_complete_month,
        coalesce(previous_tier, 'none') as from_tier,
        tier as to_tier,
        count(*) as customer_count
    from {{ ref('customer_tiers_monthly') }}
    group by month, is_complete_month, coalesce(previous_tier, 'none'), tier
),

with_totals as (
    select
        *,
        sum(customer_count) over (partition by month, from_tier) as from_count
    from moves
)

select
    month,
    is_complete_month,
    from_tier,
    to_tier,
    cast(customer_count as integer) as customer_count,
    {{ share('customer_count', 'from_count') }} as transition_rate
from with_totals
