with today as (
    select reference_date
    from {{ ref('int_offer_dates') }}
    where not is_cutoff
),

offers as (
    select
        reference_date,
        customer_id,
        'buy_again' as list,
        score_rank as place,
        product_id,
        score,
        cast(null as {{ text_type() }}) as basis_product_id,
        'recent_repeats' as method,
        purchases,
        last_bought_date
    from {{ ref('int_offer_repeats') }}
    where score_rank <= 10
    union all
    select
        discoveries.reference_date,
        discoveries.customer_id,
        'discover' as list,
        discoveries.place,
        discoveries.product_id,
        {{ to_decimal('discoveries.similarity / 1000000', 6) }} as score,
        bases.basis_product_id,
        case when discoveries.similarity > 0 then 'item_neighbours' else 'popularity_without_own' end as method,
        0 as purchases,
        cast(null as date) as last_bought_date
    from {{ ref('int_offer_discoveries') }} as discoveries
    left join {{ ref('int_offer_bases') }} as bases
        on
            discoveries.reference_date = bases.reference_date
            and discoveries.customer_id = bases.customer_id
            and discoveries.product_id = bases.product_id
),

products as (
    select
        product_id,
        product_name,
        category
    from {{ ref('stg_products') }}
)

select
    offers.customer_id,
    offers.list,
    cast(offers.place as integer) as rank,
    offers.product_id,
    products.product_name,
    coalesce(products.category, 'unknown') as category,
    cast(offers.score as double) as score,
    offers.basis_product_id,
    offers.method,
    cast(offers.purchases as integer) as purchases,
    offers.last_bought_date
from offers
inner join today
    on offers.reference_date = today.reference_date
left join products
    on offers.product_id = products.product_id
