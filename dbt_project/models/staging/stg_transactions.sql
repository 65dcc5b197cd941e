with source as (
    {{ held_rows('transactions', ['transaction_id', 'line_number']) }}
)

select
    transaction_id,
    line_number,
    customer_id,
    product_id,
    transaction_at,
    quantity,
    net_amount,
    discount_amount,
    cost_amount,
    store_id,
    channel,
    source_system,
    business_date
from source
