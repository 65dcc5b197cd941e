with baskets as (
    select
        customer_id,
        business_date,
        transaction_id,
        min(bought_at) as bought_at
    from {{ ref('int_offer_items') }}
    group by customer_id, business_date, transaction_id
)

select
    offer_dates.reference_date,
    baskets.customer_id,
    baskets.business_date,
    baskets.transaction_id,
    cast(row_number() over (
        partition by offer_dates.reference_date, baskets.customer_id
        order by baskets.business_date desc, baskets.bought_at desc, baskets.transaction_id desc
    ) - 1 as integer) as baskets_ago
from baskets
inner join {{ ref('int_offer_dates') }} as offer_dates
    on baskets.business_date between offer_dates.window_start and offer_dates.reference_date
