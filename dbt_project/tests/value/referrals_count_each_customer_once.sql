-- All referrals together are the referred buyers whose referrer is a buyer too, each once.
with referrers as (
    select
        coalesce(sum(referred_buyers), 0) as buyers,
        coalesce(sum(referred_revenue_to_date), 0) as net_revenue,
        coalesce(sum(referred_profit_to_date), 0) as profit
    from {{ ref('customer_value') }}
),

referred as (
    select
        count(*) as buyers,
        coalesce(sum(buyers.net_revenue_to_date), 0) as net_revenue,
        coalesce(sum(buyers.profit_to_date), 0) as profit
    from {{ ref('customer_value') }} as buyers
    inner join {{ ref('dim_customers') }} as customers
        on buyers.customer_id = customers.customer_id
    inner join {{ ref('customer_value') }} as referrers
        on customers.referred_by_customer_id = referrers.customer_id
    where customers.referred_by_customer_id <> customers.customer_id
)

select
    referrers.buyers,
    referred.buyers as expected_buyers
from referrers
cross join referred
where
    referrers.buyers <> referred.buyers
    or referrers.net_revenue <> referred.net_revenue
    or referrers.profit <> referred.profit
