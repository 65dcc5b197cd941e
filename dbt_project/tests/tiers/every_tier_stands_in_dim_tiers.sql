-- Whatever a customer is called, BI finds the label and the place.
with used as (
    select tier
    from {{ ref('customer_tiers_monthly') }}
    union
    select tier
    from {{ ref('tier_contribution_monthly') }}
    union
    select from_tier as tier
    from {{ ref('tier_migration_monthly') }}
    union
    select to_tier as tier
    from {{ ref('tier_migration_monthly') }}
)

select used.tier
from used
left join {{ ref('dim_tiers') }} as listed
    on used.tier = listed.tier
where listed.tier is null
