-- The two ways of counting whom we still have agree: the flows' last closing, and the customers whose status is not lapsed.
with flows as (

    select closing from {{ ref('retention_flows_monthly') }}
    where month = (select max(month) from {{ ref('retention_flows_monthly') }})

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
