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
    {{ to_average('window_net_amount / cast(months_observed as decimal(18, 2))') }} as avg_monthly_spend,
    profit_basis
from {{ ref('int_customer_assessments') }}
where not is_lapse
