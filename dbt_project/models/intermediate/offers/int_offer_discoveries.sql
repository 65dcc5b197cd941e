{#
    What each customer does not know and what the own items speak for: the sum of their likeness to it. The most popular
    products stand after these with a score of 0, so that a customer of few or rare items has a list too.
#}
with spoken_for as (
    select
        profiles.reference_date,
        profiles.customer_id,
        neighbours.neighbour_rank as popularity_rank,
        sum(neighbours.similarity) as similarity
    from {{ ref('int_offer_profiles') }} as profiles
    inner join {{ ref('int_offer_customers') }} as customers
        on profiles.reference_date = customers.reference_date and profiles.customer_id = customers.customer_id
    inner join {{ ref('int_offer_neighbours') }} as neighbours
        on profiles.reference_date = neighbours.reference_date and profiles.popularity_rank = neighbours.item_rank
    group by profiles.reference_date, profiles.customer_id, neighbours.neighbour_rank
),

candidates as (
    select
        spoken_for.reference_date,
        spoken_for.customer_id,
        products.product_id,
        spoken_for.popularity_rank,
        spoken_for.similarity
    from spoken_for
    inner join {{ ref('int_offer_products') }} as products
        on
            spoken_for.reference_date = products.reference_date
            and spoken_for.popularity_rank = products.popularity_rank
    left join {{ ref('int_offer_known') }} as known
        on
            spoken_for.reference_date = known.reference_date
            and spoken_for.customer_id = known.customer_id
            and products.product_id = known.product_id
    where known.product_id is null
    union all
    select
        reference_date,
        customer_id,
        product_id,
        popularity_rank,
        0 as similarity
    from {{ ref('int_offer_popular') }}
),

merged as (
    select
        reference_date,
        customer_id,
        product_id,
        popularity_rank,
        max(similarity) as similarity
    from candidates
    group by reference_date, customer_id, product_id, popularity_rank
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_id
            order by similarity desc, popularity_rank
        ) as place
    from merged
)

select
    reference_date,
    customer_id,
    product_id,
    popularity_rank,
    cast(similarity as bigint) as similarity,
    cast(place as integer) as place
from ranked
where place <= 10
