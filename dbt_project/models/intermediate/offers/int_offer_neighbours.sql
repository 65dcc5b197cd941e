{#
    The items most like each item, among those that can be offered: by the cosine over customers, times n / (n + chance_buyers) for n
    buyers of both, as few of them are chance. Baskets would say less than popularity does.
#}
with buyers as (
    select
        reference_date,
        popularity_rank,
        count(*) as buyers
    from {{ ref('int_offer_profiles') }}
    group by reference_date, popularity_rank
),

products as (
    select
        buyers.reference_date,
        buyers.popularity_rank,
        buyers.buyers,
        products.is_in_range
    from buyers
    inner join {{ ref('int_offer_products') }} as products
        on buyers.reference_date = products.reference_date and buyers.popularity_rank = products.popularity_rank
),

directions as (
    select true as is_forward
    union all
    select false as is_forward
),

-- In whole millionths, so that sums of them are the same in any order.
alike as (
    select
        pairs.reference_date,
        case when directions.is_forward then pairs.item_rank else pairs.other_rank end as item_rank,
        case when directions.is_forward then pairs.other_rank else pairs.item_rank end as neighbour_rank,
        cast(floor(
            1000000 * cast(pairs.buyers_of_both as double)
            / sqrt(cast(items.buyers as double) * cast(others.buyers as double))
            * cast(pairs.buyers_of_both as double) / (pairs.buyers_of_both + {{ offer_figure('chance_buyers') }})
        ) as bigint) as similarity
    from {{ ref('int_offer_pairs') }} as pairs
    cross join directions
    inner join products as items
        on pairs.reference_date = items.reference_date and pairs.item_rank = items.popularity_rank
    inner join products as others
        on pairs.reference_date = others.reference_date and pairs.other_rank = others.popularity_rank
    where case when directions.is_forward then others.is_in_range else items.is_in_range end
),

placed as (
    select
        *,
        row_number() over (
            partition by reference_date, item_rank
            order by similarity desc, neighbour_rank asc
        ) as place
    from alike
)

select
    reference_date,
    item_rank,
    neighbour_rank,
    similarity
from placed
where place <= {{ offer_figure('neighbours_per_item') }}
