with ranks as (
    select
        *,
        -- ceil(0.2 n) and ceil(0.1 n) in whole numbers: 0.2 * 15 is more than 3 in binary fractions
        floor((customer_count + 4) / 5.0e0) as top_20_count,
        floor((customer_count + 9) / 10.0e0) as top_10_count
    from {{ ref('int_customer_spend_ranks') }}
),

sums as (
    select
        month,
        count(*) as customer_count,
        sum(revenue) as revenue,
        sum(profit) as profit,
        sum(case when revenue_position <= top_20_count then revenue else 0 end) as top_20_revenue,
        sum(case when profit_position <= top_20_count then profit else 0 end) as top_20_profit,
        sum(case when profit_position <= top_10_count then profit else 0 end) as top_10_profit,
        sum(case when profit_position > customer_count - top_10_count then profit else 0 end) as bottom_10_profit,
        sum((customer_count - revenue_position + 1) * revenue) as weighted_revenue
    from ranks
    group by month
),

months as (
    select * from {{ ref('int_months') }}
)

select
    months.month,
    months.is_complete_month,
    cast(coalesce(sums.customer_count, 0) as integer) as customer_count,
    {{ share('sums.top_20_revenue', 'sums.revenue') }} as top_20_revenue_share,
    {{ share('sums.top_20_profit', 'sums.profit') }} as top_20_profit_share,
    {{ share(
        '(2 * sums.weighted_revenue - (sums.customer_count + 1) * sums.revenue)',
        '(sums.customer_count * sums.revenue)',
    ) }} as gini_revenue,
    {{ share('sums.top_10_profit', 'sums.bottom_10_profit') }} as top_10_to_bottom_10_profit_ratio
from months
left join sums
    on months.month = sums.month
