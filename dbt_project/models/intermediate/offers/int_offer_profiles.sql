{#
    The items that speak for a customer: at most `items_per_customer`, those bought most and latest, as pairs grow with
    the square. Products of few buyers are like others by chance.
#}
with placed as (
    select
        histories.reference_date,
        histories.is_served,
        histories.customer_number,
        products.popularity_rank,
        row_number() over (
            partition by histories.reference_date, histories.customer_number
            order by histories.recency_weight desc, products.popularity_rank asc
        ) as place
    from {{ ref('int_offer_histories') }} as histories
    inner join {{ ref('int_offer_products') }} as products
        on histories.reference_date = products.reference_date and histories.product_number = products.product_number
    where histories.purchases > 0 and products.buyers >= {{ offer_figure('min_buyers') }}
)

select
    reference_date,
    is_served,
    customer_number,
    popularity_rank
from placed
where place <= {{ offer_figure('items_per_customer') }}
