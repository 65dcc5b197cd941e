with customers as (
    select
        stores.team_id,
        months.customer_id,
        months.month
    from {{ ref('int_team_stores') }} as stores
    inner join {{ ref('int_store_customer_months') }} as months
        on stores.store_id = months.store_id
    group by stores.team_id, months.customer_id, months.month
    having sum(months.net_amount) > 0
),

numbered as (
    select
        *,
        {{ month_index('month') }} as month_index
    from customers
)

select
    team_id,
    customer_id,
    month,
    month_index,
    lead(month_index) over (partition by team_id, customer_id order by month_index) as next_month_index
from numbered
