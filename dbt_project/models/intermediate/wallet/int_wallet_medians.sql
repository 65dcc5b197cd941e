-- A model of its own, so that no run holds all customers' estimates in memory to compare them with their median.
with estimates as (
    select * from {{ ref('int_wallet_estimates') }}
)

select
    category,
    month,
    {{ median('wallet') }} as median_wallet
from estimates
group by category, month
