{# What each customer bought and may be offered again, by our score and, beside it, by how often it was bought. #}
with candidates as (
    select
        histories.reference_date,
        histories.customer_id,
        histories.product_id,
        histories.purchases,
        histories.last_bought_date,
        products.popularity_rank,
        {{ to_decimal('histories.recency_weight * products.repeat_rate / 1000000', 6) }} as score
    from {{ ref('int_offer_histories') }} as histories
    inner join {{ ref('int_offer_customers') }} as customers
        on histories.reference_date = customers.reference_date and histories.customer_id = customers.customer_id
    inner join {{ ref('int_offer_products') }} as products
        on histories.reference_date = products.reference_date and histories.product_id = products.product_id
    left join {{ ref('int_offer_returns') }} as returned
        on
            histories.reference_date = returned.reference_date
            and histories.customer_id = returned.customer_id
            and histories.product_id = returned.product_id
    where products.is_in_range and returned.product_id is null
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_id
            order by score desc, popularity_rank
        ) as score_rank,
        row_number() over (
            partition by reference_date, customer_id
            order by purchases desc, popularity_rank
        ) as frequency_rank
    from candidates
)

select
    reference_date,
    customer_id,
    product_id,
    cast(score as double) as score,
    cast(score_rank as integer) as score_rank,
    purchases,
    last_bought_date,
    cast(frequency_rank as integer) as frequency_rank
from ranked
where score_rank <= 10 or frequency_rank <= 10
