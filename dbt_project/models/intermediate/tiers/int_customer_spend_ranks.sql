{# Each active customer's place in the month by revenue and by profit: 1 is highest, ties by customer_id. #}
select
    customer_id,
    month,
    window_spend as revenue,
    window_profit as profit,
    count(*) over (partition by month) as customer_count,
    row_number() over (partition by month order by window_spend desc, customer_id asc) as revenue_position,
    row_number() over (partition by month order by window_profit desc, customer_id asc) as profit_position
from {{ ref('customer_tiers_monthly') }}
where tier <> 'lapsed'
