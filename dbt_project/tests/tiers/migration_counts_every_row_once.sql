-- Who arrives in a tier is who is in it: migration and contribution count the same customers.
with arrived as (
    select
        month,
        to_tier as tier,
        sum(customer_count) as customer_count
    from {{ ref('tier_migration_monthly') }}
    where to_tier <> 'lapsed'
    group by month, to_tier
),

tiers as (
    select
        month,
        tier,
        customer_count
    from {{ ref('tier_contribution_monthly') }}
    where tier <> 'anonymous'
)

select
    tiers.month,
    tiers.tier,
    tiers.customer_count,
    arrived.customer_count as arrived_count
from tiers
full outer join arrived
    on tiers.month = arrived.month and tiers.tier = arrived.tier
where
    tiers.month is null
    or arrived.month is null
    or tiers.customer_count <> arrived.customer_count
