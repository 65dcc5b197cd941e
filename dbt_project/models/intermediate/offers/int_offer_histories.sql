select
    baskets.reference_date,
    baskets.customer_id,
    items.product_id,
    count(*) as purchases,
    cast(sum({{ recency_weight('baskets.baskets_ago') }}) as bigint) as recency_weight,
    max(baskets.business_date) as last_bought_date
from {{ ref('int_offer_baskets') }} as baskets
inner join {{ ref('int_offer_items') }} as items
    on
        baskets.customer_id = items.customer_id
        and baskets.business_date = items.business_date
        and baskets.transaction_id = items.transaction_id
group by baskets.reference_date, baskets.customer_id, items.product_id
