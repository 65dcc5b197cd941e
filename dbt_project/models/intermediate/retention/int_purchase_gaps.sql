-- The gap after each purchase day: closed by the customer's next one, or open until as_of_date.
with customer_days as (
    select * from {{ ref('int_customer_days') }}
),

followed as (
    select
        customer_id,
        business_date as purchase_date,
        lead(business_date) over (partition by customer_id order by business_date) as next_purchase_date
    from customer_days
    where is_purchase_day
)

select
    customer_id,
    purchase_date,
    next_purchase_date,
    next_purchase_date is not null as is_closed,
    {{ days_between('purchase_date', 'coalesce(next_purchase_date, ' ~ as_of_date() ~ ')') }} as gap_days
from followed
