{#
    What each customer does not know and what the own items speak for: the sum of their likeness to it. The most popular
    products stand after these with a score of 0, so that a customer of few or rare items has a list too.
#}
with voices as (
    select
        profiles.reference_date,
        profiles.customer_number,
        neighbours.neighbour_rank as popularity_rank,
        neighbours.similarity,
        profiles.popularity_rank as basis_rank,
        0 as is_known
    from {{ ref('int_offer_profiles') }} as profiles
    inner join {{ ref('int_offer_neighbours') }} as neighbours
        on profiles.reference_date = neighbours.reference_date and profiles.popularity_rank = neighbours.item_rank
    where profiles.is_served
    union all
    select
        histories.reference_date,
        histories.customer_number,
        products.popularity_rank,
        0 as similarity,
        0 as basis_rank,
        1 as is_known
    from {{ ref('int_offer_histories') }} as histories
    inner join {{ ref('int_offer_products') }} as products
        on histories.reference_date = products.reference_date and histories.product_number = products.product_number
    where histories.is_served
),

candidates as (
    select
        reference_date,
        customer_number,
        popularity_rank,
        sum(similarity) as similarity,
        -- The item that speaks most for it, of equals the more popular, in the last eight digits.
        99999999 - max(similarity * 100000000 + 99999999 - basis_rank) % 100000000 as basis_rank
    from voices
    group by reference_date, customer_number, popularity_rank
    having max(is_known) = 0
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
        popularity_rank,
        similarity,
        basis_rank
    from placed
    where place <= 10
    union all
    select
        reference_date,
        customer_number,
        popularity_rank,
        0 as similarity,
        cast(null as bigint) as basis_rank
    from {{ ref('int_offer_popular') }}
),

merged as (
    select
        reference_date,
        customer_number,
        popularity_rank,
        max(similarity) as similarity,
        max(basis_rank) as basis_rank
    from filled
    group by reference_date, customer_number, popularity_rank
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
    products.product_id,
    ranked.popularity_rank,
    cast(ranked.similarity as bigint) as similarity,
    bases.product_id as basis_product_id,
    cast(ranked.list_place as integer) as place
from ranked
inner join {{ ref('int_offer_products') }} as products
    on ranked.reference_date = products.reference_date and ranked.popularity_rank = products.popularity_rank
left join {{ ref('int_offer_products') }} as bases
    on ranked.reference_date = bases.reference_date and ranked.basis_rank = bases.popularity_rank
where ranked.list_place <= 10
