-- Each month's customers by tier are exactly the customers with a purchase day in the window.
with tiers as (
    select
        month,
        sum(customer_count) as customer_count
    from {{ ref('tier_contribution_monthly') }}
    group by month
),

windows as (
    select
        month,
        count(*) as customer_count
    from {{ ref('int_customer_windows') }}
    group by month
)

select
    windows.month,
    windows.customer_count,
    tiers.customer_count as customer_count_by_tier
from windows
left join tiers
    on windows.month = tiers.month
where coalesce(tiers.customer_count, 0) <> windows.customer_count
