-- Shares are quotients in binary fractions, so their sum may miss 1 by rounding, far less than a billionth. Those of
-- all revenue include the anonymous row's; a month with no customer has no shares of customers.
select
    month,
    sum(customer_share) as customer_share,
    sum(revenue_share) as revenue_share,
    sum(profit_share) as profit_share,
    sum(revenue_share_of_all) as revenue_share_of_all,
    sum(profit_share_of_all) as profit_share_of_all
from {{ ref('tier_contribution_monthly') }}
group by month
having
    abs(coalesce(sum(customer_share), 1) - 1) > 1e-9
    or abs(coalesce(sum(revenue_share), 1) - 1) > 1e-9
    or abs(coalesce(sum(profit_share), 1) - 1) > 1e-9 * greatest(1, max(abs(coalesce(profit_share, 0))))
    or abs(coalesce(sum(revenue_share_of_all), 1) - 1) > 1e-9
    or abs(coalesce(sum(profit_share_of_all), 1) - 1) > 1e-9 * greatest(1, max(abs(coalesce(profit_share_of_all, 0))))
