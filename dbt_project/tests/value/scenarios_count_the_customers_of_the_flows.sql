-- Customers at risk are those of retention_flows_monthly: opening ones month by month, closing ones of the last complete month.
with flows as (
    select
        *,
        row_number() over (order by month desc) as month_number
    from {{ ref('retention_flows_monthly') }}
    where is_complete_month
),

expected as (
    select
        coalesce(sum(case when month_number <= 12 then opening else 0 end), 0) as customer_months,
        coalesce(sum(case when month_number = 1 then closing else 0 end), 0) as customers
    from flows
),

everyone as (
    select
        coalesce(max(customer_months), 0) as customer_months,
        coalesce(max(customers), 0) as customers
    from {{ ref('loyalty_scenarios') }}
    where tier = 'all'
)

select
    everyone.customer_months,
    expected.customer_months as expected_customer_months
from everyone
cross join expected
where
    everyone.customer_months <> expected.customer_months
    or everyone.customers <> expected.customers
