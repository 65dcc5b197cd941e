{#
    The tier policy in force in each month: all rows of the latest valid_from on or before the month's last
    day. Months before the first policy take the first one.
#}
with policies as (
    select * from {{ ref('tier_policy') }}
),

months as (
    select * from {{ ref('int_months') }}
),

valid_from_dates as (
    select distinct valid_from from policies
),

in_force as (
    select
        months.month,
        months.month_index,
        coalesce(
            max(case
                when valid_from_dates.valid_from <= {{ month_end('months.month') }} then valid_from_dates.valid_from
            end),
            min(valid_from_dates.valid_from)
        ) as valid_from
    from months
    cross join valid_from_dates
    group by months.month, months.month_index
)

select
    in_force.month,
    in_force.month_index,
    in_force.valid_from,
    policies.tier,
    policies.label_zh,
    policies.label_en,
    policies.tier_rank,
    policies.lower_bound,
    lag(policies.lower_bound) over (partition by in_force.month order by policies.tier_rank) as upper_bound,
    max(policies.tier_rank) over (partition by in_force.month) as lowest_rank
from in_force
inner join policies
    on in_force.valid_from = policies.valid_from
