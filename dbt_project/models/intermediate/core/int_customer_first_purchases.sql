select
    customer_id,
    min(business_date) as first_purchase_date,
    min(month) as first_purchase_month
from {{ ref('int_customer_days') }}
where is_purchase_day
group by customer_id
