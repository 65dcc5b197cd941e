{#
    What each customer does not know and what the own items speak for: the sum of their likeness to it. The most popular
    products stand after these with a score of 0, so that a customer of few or rare items has a list too.
#}
with spoken_for as (
    select
        profiles.reference_date,
        profiles.customer_number,
        neighbours.neighbour_rank,
        sum(neighbours.similarity) as similarity,
        -- The item that speaks most for it, of equals the more popular, in the last eight digits.
        max(neighbours.similarity * 100000000 + 99999999 - profiles.popularity_rank) as best
    from {{ ref('int_offer_profiles') }} as profiles
    inner join {{ ref('int_offer_neighbours') }} as neighbours
        on profiles.reference_date = neighbours.reference_date and profiles.popularity_rank = neighbours.item_rank
    group by profiles.reference_date, profiles.customer_number, neighbours.neighbour_rank
),

candidates as (
    select
        spoken_for.reference_date,
        spoken_for.customer_number,
        products.product_id,
        products.popularity_rank,
        spoken_for.similarity,
        99999999 - spoken_for.best % 100000000 as basis_rank
    from spoken_for
    inner join {{ ref('int_offer_products') }} as products
        on
            spoken_for.reference_date = products.reference_date
            and spoken_for.neighbour_rank = products.popularity_rank
    left join {{ ref('int_offer_histories') }} as histories
        on
            spoken_for.reference_date = histories.reference_date
            and spoken_for.customer_number = histories.customer_number
            and products.product_number = histories.product_number
    left join {{ ref('int_offer_returns') }} as returned
        on
            spoken_for.reference_date = returned.reference_date
            and spoken_for.customer_number = returned.customer_number
            and products.product_number = returned.product_number
    where histories.product_number is null and returned.product_number is null
),

placed as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_number
            order by similarity desc, popularity_rank asc
        ) as place
    from candidates
),

filled as (
    select
        reference_date,
        customer_number,
        product_id,
        popularity_rank,
        similarity,
        basis_rank
    from placed
    where place <= 10
    union all
    select
        reference_date,
        customer_number,
        product_id,
        popularity_rank,
        0 as similarity,
        cast(null as bigint) as basis_rank
    from {{ ref('int_offer_popular') }}
),

merged as (
    select
        reference_date,
        customer_number,
        product_id,
        popularity_rank,
        max(similarity) as similarity,
        max(basis_rank) as basis_rank
    from filled
    group by reference_date, customer_number, product_id, popularity_rank
),

ranked as (
    select
        *,
        row_number() over (
            partition by reference_date, customer_number
            order by similarity desc, popularity_rank asc
        ) as list_place
    from merged
)

select
    ranked.reference_date,
    ranked.customer_number,
    ranked.product_id,
    ranked.popularity_rank,
    cast(ranked.similarity as bigint) as similarity,
    bases.product_id as basis_product_id,
    cast(ranked.list_place as integer) as place
from ranked
left join {{ ref('int_offer_products') }} as bases
    on ranked.reference_date = bases.reference_date and ranked.basis_rank = bases.popularity_rank
where ranked.list_place <= 10
