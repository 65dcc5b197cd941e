select
    customer_id,
    category,
    month,
    cast(sum(net_amount) as decimal(18, 2)) as net_amount,
    cast(sum(profit_amount) as decimal(18, 2)) as profit_amount
from {{ ref('fct_transactions') }}
group by customer_id, category, month
