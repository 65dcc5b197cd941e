-- Ranks go from 1 up, at most to 10, by falling score.
with ranked as (
    select
        customer_id,
        list,
        rank,
        row_number() over (partition by customer_id, list order by score desc, rank asc) as expected_rank
    from {{ ref('customer_recommendations') }}
)

select
    customer_id,
    list,
    rank
from ranked
where rank <> expected_rank or rank > 10
