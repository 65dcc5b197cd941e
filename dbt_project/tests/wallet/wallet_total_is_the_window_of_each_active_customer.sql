-- Category all has exactly one row per customer in the tier window, with the window's average spend.
with totals as (
    select * from {{ ref('share_of_wallet_monthly') }}
    where category = 'all'
),

customer_windows as (
    select * from {{ ref('int_customer_windows') }}
)

select
    customer_windows.customer_id as window_customer_id,
    totals.customer_id as wallet_customer_id
from customer_windows
full outer join totals
    on
        customer_windows.customer_id = totals.customer_id
        and customer_windows.month = totals.month
where
    customer_windows.customer_id is null
    or totals.customer_id is null
    -- Half a unit of the last published digit, and a little for the division.
    or abs(
        cast(totals.own_spend as double)
        - greatest(0.0, cast(customer_windows.window_net_amount as double) / customer_windows.months_observed)
    ) > 0.000051
