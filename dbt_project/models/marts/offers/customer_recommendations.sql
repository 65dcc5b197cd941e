with customers as (
    select
        reference_date,
        customer_number,
        customer_id
    from {{ ref('int_offer_customers') }}
    where not is_cutoff
),

offers as (
    select
        reference_date,
        customer_number,
        'buy_again' as list,
        place,
        product_id,
        score,
        cast(null as {{ text_type() }}) as basis_product_id,
        'recent_repeats' as method,
        purchases,
        last_bought_date
    from {{ ref('int_offer_repeats') }}
    union all
    select
        reference_date,
        customer_number,
        'discover' as list,
        place,
        product_id,
        cast(similarity as double) / 1000000 as score,
        basis_product_id,
        case when similarity > 0 then 'item_neighbours' else 'popularity_without_own' end as method,
        0 as purchases,
        cast(null as date) as last_bought_date
    from {{ ref('int_offer_discoveries') }}
),

products as (
    select
        product_id,
        product_name,
        category
    from {{ ref('stg_products') }}
)

select
    customers.customer_id,
    offers.list,
    offers.place as rank,
    offers.product_id,
    products.product_name,
    coalesce(products.category, 'unknown') as category,
    offers.score,
    offers.basis_product_id,
    offers.method,
    offers.purchases,
    offers.last_bought_date
from offers
inner join customers
    on offers.reference_date = customers.reference_date and offers.customer_number = customers.customer_number
left join products
    on offers.product_id = products.product_id
