{# What known customers bought, basket by basket, as far back as the earlier date's tier window. #}
select
    customer_id,
    business_date,
    transaction_id,
    product_id,
    min(transaction_at) as bought_at
from {{ ref('fct_transactions') }}
where
    customer_id is not null
    and product_id is not null
    and net_amount > 0
    and business_date >= (select min(window_start) from {{ ref('int_offer_dates') }})
    and business_date <= {{ as_of_date() }}
group by customer_id, business_date, transaction_id, product_id
