-- The tiers' word on who is active today, and each of these has something to discover if anything is in range.
with active as (
    select customer_id
    from {{ ref('customer_tiers_monthly') }}
    where month = {{ month_start(as_of_date()) }} and tier <> 'lapsed'
),

offered as (
    select distinct customer_id
    from {{ ref('customer_recommendations') }}
)

select offered.customer_id
from offered
left join active
    on offered.customer_id = active.customer_id
where active.customer_id is null
