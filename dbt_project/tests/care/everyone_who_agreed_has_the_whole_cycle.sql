{#
    Each customer with consent whose tier has rules stands on the care list with every contact of the present cycle, which
    begins at most a cycle before the as-of date.
#}
with tiers as (
    select
        tiers.customer_id,
        tiers.tier
    from {{ ref('customer_tiers_monthly') }} as tiers
    inner join {{ ref('dim_customers') }} as customers
        on tiers.customer_id = customers.customer_id
    where
        tiers.month = {{ month_start(as_of_date()) }}
        and customers.is_marketing_consent
),

asked as (
    select
        tiers.customer_id,
        count(*) as contact_count
    from tiers
    inner join {{ ref('int_care_rules') }} as rules
        on tiers.tier = rules.tier
    where rules.contact_kind not in ('review', 'birthday')
    group by tiers.customer_id
),

listed as (
    select
        customer_id,
        count(*) as contact_count
    from {{ ref('care_schedule') }}
    where
        {{ days_between('cycle_start_date', as_of_date()) }} between 0 and {{ var('care_cycle_days') | int }} - 1
    group by customer_id
)

select
    asked.customer_id,
    listed.customer_id as listed_customer_id
from asked
full outer join listed
    on asked.customer_id = listed.customer_id
where coalesce(asked.contact_count, 0) <> coalesce(listed.contact_count, 0)
