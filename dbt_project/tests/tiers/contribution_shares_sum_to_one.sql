-- Shares are quotients in binary fractions, so their sum may miss 1 by rounding, far less than a billionth.
select
    month,
    sum(customer_share) as customer_share,
    sum(revenue_share) as revenue_share,
    sum(profit_share) as profit_share
from {{ ref('tier_contribution_monthly') }}
group by month
having
    abs(sum(customer_share) - 1) > 1e-9
    or abs(coalesce(sum(revenue_share), 1) - 1) > 1e-9
    or abs(coalesce(sum(profit_share), 1) - 1) > 1e-9 * greatest(1, max(abs(coalesce(profit_share, 0))))
