-- Net spend and profit to date are the facts', but for lines of nobody and customers who never had a purchase day.
with customers as (
    select
        coalesce(sum(net_revenue_to_date), 0) as net_revenue,
        coalesce(sum(profit_to_date), 0) as profit
    from {{ ref('customer_value') }}
),

strangers as (
    select
        coalesce(sum(months.net_amount), 0) as net_revenue,
        coalesce(sum(months.profit_amount), 0) as profit
    from {{ ref('int_customer_months') }} as months
    left join {{ ref('int_customer_first_purchases') }} as buyers
        on months.customer_id = buyers.customer_id
    where buyers.customer_id is null
),

facts as (
    select
        coalesce(sum(net_amount), 0) as net_revenue,
        coalesce(sum(profit_amount), 0) as profit
    from {{ ref('fct_transactions') }}
    where not is_anonymous
)

select
    facts.net_revenue,
    facts.profit
from facts
cross join customers
cross join strangers
where
    facts.net_revenue <> customers.net_revenue + strangers.net_revenue
    or facts.profit <> customers.profit + strangers.profit
