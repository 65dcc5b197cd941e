{# The bar for repeats: what each customer had most often at the cut-off, of equals the more popular. #}
with candidates as (
    select
        histories.reference_date,
        histories.customer_number,
        histories.purchases,
        products.popularity_rank
    from {{ ref('int_offer_histories') }} as histories
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on histories.reference_date = offer_dates.reference_date
    inner join {{ ref('int_offer_products') }} as products
        on histories.reference_date = products.reference_date and histories.product_number = products.product_number
    where
        offer_dates.is_cutoff
        and histories.is_served
        and histories.purchases > 0
        and not histories.is_sent_back
        and products.is_in_range
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_number
            order by purchases desc, popularity_rank asc
        ) as place
    from candidates
)

select
    reference_date,
    customer_number,
    popularity_rank,
    cast(place as integer) as place
from ranked
where place <= 10
