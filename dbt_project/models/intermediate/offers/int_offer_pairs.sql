{# Each pair once, the more popular product first. #}
select
    items.reference_date,
    items.popularity_rank as item_rank,
    others.popularity_rank as other_rank,
    count(*) as buyers_of_both
from {{ ref('int_offer_profiles') }} as items
inner join {{ ref('int_offer_profiles') }} as others
    on
        items.reference_date = others.reference_date
        and items.customer_number = others.customer_number
        and items.popularity_rank < others.popularity_rank
group by items.reference_date, items.popularity_rank, others.popularity_rank
having count(*) > 1
