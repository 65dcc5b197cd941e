{{ config(materialized='view') }}

select
    customer_id,
    month,
    window_net_amount,
    window_profit_amount,
    window_sales_amount,
    window_discounted_sales_amount,
    purchase_days,
    purchase_months_3,
    months_observed,
    is_new_customer,
    {{ to_average('cast(window_net_amount as double) / months_observed') }} as avg_monthly_spend,
    profit_basis
from {{ ref('int_customer_assessments') }}
where not is_lapse
