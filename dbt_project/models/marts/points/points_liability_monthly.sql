with flows as (
    select
        {{ month_start('business_date') }} as month,
        {{ month_start('lot_date') }} as earn_month,
        sum(case when movement = 'earn' then points else 0 end) as earned,
        sum(case when movement = 'reverse' then -points else 0 end) as reversed,
        sum(case when movement = 'redeem' then -points else 0 end) as redeemed,
        sum(case when movement = 'expire' then -points else 0 end) as expired,
        sum(points) as change
    from {{ ref('points_ledger') }}
    where lot_date is not null
    group by {{ month_start('business_date') }}, {{ month_start('lot_date') }}
),

cohorts as (
    select
        *,
        {{ month_start(as_of_date()) }} as last_month
    from {{ ref('int_points_cohorts') }}
),

cohort_months as (
    select
        earn_month,
        earned_points,
        allocated_at_first,
        {{ month_series('earn_month', 'last_month') }} as month
    from cohorts
),

running as (
    select
        cohort_months.earn_month,
        cohort_months.month,
        cohort_months.earned_points,
        cohort_months.allocated_at_first,
        least({{ month_end('cohort_months.month') }}, {{ as_of_date() }}) as expected_on,
        coalesce(flows.earned, 0) as earned,
        coalesce(flows.reversed, 0) as reversed,
        coalesce(flows.redeemed, 0) as redeemed,
        coalesce(flows.expired, 0) as expired,
        coalesce(flows.change, 0) as change,
        sum(coalesce(flows.reversed, 0)) over life as reversed_to_date,
        sum(coalesce(flows.redeemed, 0)) over life as redeemed_to_date,
        sum(coalesce(flows.change, 0)) over life as closing
    from cohort_months
    left join flows
        on cohort_months.earn_month = flows.earn_month and cohort_months.month = flows.month
    window life as (
        partition by cohort_months.earn_month
        order by cohort_months.month
        rows between unbounded preceding and current row
    )
),

expected as (
    select
        running.*,
        cast(running.closing - running.change as bigint) as opening,
        cast(running.earned_points - running.reversed_to_date as bigint) as kept_points,
        greatest(
            cast(running.redeemed_to_date as decimal(24, 6)),
            cast(
                cast(running.earned_points - running.reversed_to_date as bigint)
                * coalesce(expectations.expected_redemption_rate, 0) as decimal(24, 6)
            )
        ) as expected_points
    from running
    left join {{ ref('int_points_expectations') }} as expectations
        on
            running.expected_on >= coalesce(expectations.valid_from, running.expected_on)
            and running.expected_on < coalesce(expectations.next_valid_from, {{ add_days('running.expected_on', 1) }})
    where
        running.month = running.earn_month
        or running.closing > 0
        or running.change <> 0
),

allocated as (
    select
        *,
        allocated_at_first * (cast(kept_points as double) / cast(earned_points as double)) as allocation
    from expected
),

recognised as (
    select
        *,
        {{ to_amount('allocation') }} as allocated_revenue,
        case
            when closing = 0 then {{ to_amount('allocation') }}
            when expected_points = 0 then {{ to_amount('allocation * 0') }}
            else {{ to_amount(
                'allocation * (cast(redeemed_to_date as double) / cast(expected_points as double))'
            ) }}
        end as recognised_to_date
    from allocated
)

select
    month,
    earn_month,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    opening,
    cast(earned as bigint) as earned,
    cast(reversed as bigint) as reversed,
    cast(redeemed as bigint) as redeemed,
    cast(expired as bigint) as expired,
    cast(closing as bigint) as closing,
    cast(redeemed_to_date as bigint) as redeemed_to_date,
    case when allocated_revenue is not null then expected_points end as expected_redemption_points,
    allocated_revenue,
    cast(
        recognised_to_date
        - lag(recognised_to_date, 1, 0) over (partition by earn_month order by month) as {{ amount_type() }}
    ) as recognised_revenue,
    recognised_to_date,
    cast(allocated_revenue - recognised_to_date as {{ amount_type() }}) as deferred_revenue
from recognised
