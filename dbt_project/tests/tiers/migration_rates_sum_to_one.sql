-- Rates are quotients in binary fractions, so their sum may miss 1 by rounding.
select
    month,
    from_tier,
    sum(transition_rate) as transition_rate
from {{ ref('tier_migration_monthly') }}
group by month, from_tier
having abs(sum(transition_rate) - 1) > 1e-9
