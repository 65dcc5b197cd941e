{# Of a customer's own items, the one that speaks most for each discovery; of equals the more popular. #}
with placed as (
    select
        discoveries.reference_date,
        discoveries.customer_id,
        discoveries.product_id,
        neighbours.item_rank,
        row_number() over (
            partition by discoveries.reference_date, discoveries.customer_id, discoveries.product_id
            order by neighbours.similarity desc, neighbours.item_rank
        ) as place
    from {{ ref('int_offer_discoveries') }} as discoveries
    inner join {{ ref('int_offer_neighbours') }} as neighbours
        on
            discoveries.reference_date = neighbours.reference_date
            and discoveries.popularity_rank = neighbours.neighbour_rank
    inner join {{ ref('int_offer_profiles') }} as profiles
        on
            discoveries.reference_date = profiles.reference_date
            and discoveries.customer_id = profiles.customer_id
            and neighbours.item_rank = profiles.popularity_rank
)

select
    placed.reference_date,
    placed.customer_id,
    placed.product_id,
    products.product_id as basis_product_id
from placed
inner join {{ ref('int_offer_products') }} as products
    on placed.reference_date = products.reference_date and placed.item_rank = products.popularity_rank
where placed.place = 1
