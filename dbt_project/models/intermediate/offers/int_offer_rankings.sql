{# The lists of each method that is compared, ours among them, as of the cut-off. #}
with popular as (
    select
        products.reference_date,
        products.popularity_rank,
        row_number() over (partition by products.reference_date order by products.popularity_rank) as place
    from {{ ref('int_offer_products') }} as products
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on products.reference_date = offer_dates.reference_date
    where products.is_in_range and offer_dates.is_cutoff
),

lists as (
    select 'buy_again' as list
    union all
    select 'discover' as list
),

rankings as (
    select
        reference_date,
        customer_number,
        'buy_again' as list,
        'recent_repeats' as method,
        popularity_rank,
        place
    from {{ ref('int_offer_repeats') }}
    union all
    select
        reference_date,
        customer_number,
        'buy_again' as list,
        'personal_frequency' as method,
        popularity_rank,
        place
    from {{ ref('int_offer_frequents') }}
    union all
    select
        reference_date,
        customer_number,
        'discover' as list,
        'item_neighbours' as method,
        popularity_rank,
        place
    from {{ ref('int_offer_discoveries') }}
    union all
    select
        reference_date,
        customer_number,
        'discover' as list,
        'popularity_without_own' as method,
        popularity_rank,
        place
    from {{ ref('int_offer_popular') }}
    union all
    select
        customers.reference_date,
        customers.customer_number,
        lists.list,
        'popularity' as method,
        popular.popularity_rank,
        popular.place
    from {{ ref('int_offer_customers') }} as customers
    inner join popular
        on customers.reference_date = popular.reference_date
    cross join lists
    where customers.is_served and popular.place <= 10
)

select
    rankings.list,
    rankings.method,
    rankings.customer_number,
    rankings.popularity_rank,
    cast(rankings.place as integer) as place
from rankings
inner join {{ ref('int_offer_dates') }} as offer_dates
    on rankings.reference_date = offer_dates.reference_date
where offer_dates.is_cutoff
