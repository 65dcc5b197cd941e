-- The balance is the sum of the movements so far and never below zero; entries are numbered without gaps, and no day goes
-- back.
with entries as (
    select
        customer_id,
        entry_number,
        business_date,
        balance_after,
        sum(points) over life as summed,
        row_number() over life as counted,
        lag(business_date) over (partition by customer_id order by entry_number) as last_date
    from {{ ref('points_ledger') }}
    window life as (
        partition by customer_id
        order by entry_number
        rows between unbounded preceding and current row
    )
)

select
    customer_id,
    entry_number
from entries
where
    balance_after <> summed
    or balance_after < 0
    or entry_number <> counted
    or business_date < last_date
