{#
    The ten most popular products that each customer does not know: found among as many places more as the customer
    knows products.
#}
with products as (
    select
        reference_date,
        product_number,
        product_id,
        popularity_rank,
        row_number() over (partition by reference_date order by popularity_rank) as shelf_place
    from {{ ref('int_offer_products') }}
    where is_in_range
),

counted as (
    select
        reference_date,
        customer_number,
        count(*) as known_products
    from {{ ref('int_offer_histories') }}
    where is_served
    group by reference_date, customer_number
),

unknown as (
    select
        customers.reference_date,
        customers.customer_number,
        products.product_id,
        products.popularity_rank
    from {{ ref('int_offer_customers') }} as customers
    left join counted
        on customers.reference_date = counted.reference_date and customers.customer_number = counted.customer_number
    inner join products
        on
            customers.reference_date = products.reference_date
            and products.shelf_place <= 10 + coalesce(counted.known_products, 0)
    left join {{ ref('int_offer_histories') }} as histories
        on
            customers.reference_date = histories.reference_date
            and customers.customer_number = histories.customer_number
            and products.product_number = histories.product_number
    where customers.is_served and histories.product_number is null
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_number
            order by popularity_rank
        ) as place
    from unknown
)

select
    reference_date,
    customer_number,
    product_id,
    popularity_rank,
    cast(place as integer) as place
from ranked
where place <= 10
