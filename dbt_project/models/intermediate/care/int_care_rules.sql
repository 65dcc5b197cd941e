-- The care policy, tier by tier: a tier's own rows, else those of `all`, which lapsed customers are not among.
with tiers as (
    select distinct tier
    from {{ ref('customer_tiers_monthly') }}
    where month = {{ month_start(as_of_date()) }}
),

policy as (
    select * from {{ ref('care_policy') }}
),

named as (
    select distinct tier from {{ ref('care_policy') }}
)

select
    tiers.tier,
    policy.contact_kind,
    policy.day,
    policy.channel
from tiers
left join named
    on tiers.tier = named.tier
inner join policy
    on
        policy.tier = case
            when named.tier is not null then tiers.tier
            when tiers.tier <> 'lapsed' then 'all'
        end
