{# What each customer may buy again: own baskets, recent ones weighing more, times how often the product is repeated. #}
with candidates as (
    select
        histories.reference_date,
        histories.customer_number,
        histories.purchases,
        histories.last_bought_date,
        products.product_id,
        products.popularity_rank,
        {{ to_decimal('histories.recency_weight * products.repeat_rate / 1000000', 6) }} as score
    from {{ ref('int_offer_histories') }} as histories
    inner join {{ ref('int_offer_products') }} as products
        on histories.reference_date = products.reference_date and histories.product_number = products.product_number
    where histories.is_served and histories.purchases > 0 and not histories.is_sent_back and products.is_in_range
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_number
            order by score desc, popularity_rank asc
        ) as place
    from candidates
)

select
    reference_date,
    customer_number,
    product_id,
    popularity_rank,
    cast(score as double) as score,
    purchases,
    last_bought_date,
    cast(place as integer) as place
from ranked
where place <= 10
