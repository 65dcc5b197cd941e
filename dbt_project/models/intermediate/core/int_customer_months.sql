select
    customer_id,
    month,
    cast(sum(net_amount) as {{ amount_type() }}) as net_amount,
    cast(sum(profit_amount) as {{ amount_type() }}) as profit_amount,
    cast(sum(discount_amount) as {{ amount_type() }}) as discount_amount,
    cast(sum(sales_amount) as {{ amount_type() }}) as sales_amount,
    cast(sum(discounted_sales_amount) as {{ amount_type() }}) as discounted_sales_amount,
    cast(sum(line_count) as integer) as line_count,
    cast(sum(assumed_line_count) as integer) as assumed_line_count,
    cast(sum(case when is_purchase_day then 1 else 0 end) as integer) as purchase_days
from {{ ref('int_customer_days') }}
group by customer_id, month
