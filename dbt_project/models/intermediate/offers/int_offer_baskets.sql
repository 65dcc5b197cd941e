{# Lines without a product or with a net amount of 0 or less are no purchases. #}
with baskets as (
    select
        customer_id,
        business_date,
        transaction_id,
        min(transaction_at) as bought_at
    from {{ ref('fct_transactions') }}
    where
        customer_id is not null
        and product_id is not null
        and net_amount > 0
        and business_date >= (select min(offer_dates.window_start) from {{ ref('int_offer_dates') }} as offer_dates)
    group by customer_id, business_date, transaction_id
)

select
    buyers.customer_number,
    baskets.customer_id,
    baskets.business_date,
    baskets.transaction_id,
    cast(row_number() over (
        partition by buyers.customer_number
        order by baskets.business_date, baskets.bought_at, baskets.transaction_id
    ) as integer) as basket_number
from baskets
inner join {{ ref('int_offer_buyers') }} as buyers
    on baskets.customer_id = buyers.customer_id
