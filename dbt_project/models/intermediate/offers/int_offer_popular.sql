{#
    The ten most popular products that each customer does not know: found among as many places more as the customer
    knows products.
#}
with products as (
    select
        reference_date,
        product_id,
        popularity_rank,
        row_number() over (partition by reference_date order by popularity_rank) as place
    from {{ ref('int_offer_products') }}
    where is_in_range
),

customers as (
    select
        customers.reference_date,
        customers.customer_id,
        count(known.product_id) as known_products
    from {{ ref('int_offer_customers') }} as customers
    left join {{ ref('int_offer_known') }} as known
        on customers.reference_date = known.reference_date and customers.customer_id = known.customer_id
    group by customers.reference_date, customers.customer_id
),

ranked as (
    select
        customers.reference_date,
        customers.customer_id,
        products.product_id,
        products.popularity_rank,
        row_number() over (
            partition by customers.reference_date, customers.customer_id
            order by products.popularity_rank
        ) as place
    from customers
    inner join products
        on
            customers.reference_date = products.reference_date
            and products.place <= 10 + customers.known_products
    left join {{ ref('int_offer_known') }} as known
        on
            customers.reference_date = known.reference_date
            and customers.customer_id = known.customer_id
            and products.product_id = known.product_id
    where known.product_id is null
)

select
    reference_date,
    customer_id,
    product_id,
    popularity_rank,
    cast(place as integer) as place
from ranked
where place <= 10
