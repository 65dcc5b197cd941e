-- The two ways of counting whom we still have agree: the flows' last closing, and the customers whose status is not lapsed.
with flows as (
    select closing
    from (
        select
            closing,
            row_number() over (order by month desc) as month_order
        from {{ ref('retention_flows_monthly') }}
    ) as ordered
    where month_order = 1
),

customers as (
    select sum(case when status <> 'lapsed' then 1 else 0 end) as kept_customers
    from {{ ref('customer_retention') }}
)

select
    coalesce(flows.closing, 0) as closing,
    coalesce(customers.kept_customers, 0) as kept_customers
from customers
left join flows
    on true
where coalesce(flows.closing, 0) <> coalesce(customers.kept_customers, 0)
