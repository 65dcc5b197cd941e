-- A stage for each tier row that is not lapsed, and none else.
with stages as (
    select
        month,
        count(*) as customers
    from {{ ref('relationship_stages_monthly') }}
    group by month
),

tiers as (
    select
        month,
        sum(customer_count) as customers
    from {{ ref('tier_contribution_monthly') }}
    where tier <> 'anonymous'
    group by month
)

select coalesce(stages.month, tiers.month) as month
from stages
full outer join tiers
    on stages.month = tiers.month
where coalesce(stages.customers, 0) <> coalesce(tiers.customers, 0)
