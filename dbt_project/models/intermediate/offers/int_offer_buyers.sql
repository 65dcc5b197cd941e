{# Numbers for customers, in the order of their ids. #}
with buyers as (
    select distinct customer_id
    from {{ ref('int_customer_days') }}
)

select
    customer_id,
    cast(row_number() over (order by customer_id) as integer) as customer_number
from buyers
