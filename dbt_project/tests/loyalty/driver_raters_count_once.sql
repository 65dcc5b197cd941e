{#
    In the as-of month, whose window lies at hand: high and low raters of a driver are distinct customers, so no more than
    have answered in its 12 months with 90 days over, and all of them where nobody's answers are of two kinds or middling.
#}
with customers as (
    select
        driver,
        customer_id,
        min(attitude) as lowest_attitude,
        max(attitude) as highest_attitude
    from {{ ref('int_feedback') }}
    where
        is_answer
        and driver is not null
        and customer_id is not null
        and month >= {{ add_months(month_start(as_of_date()), -11) }}
        and {{ add_days('business_date', 90) }} <= {{ as_of_date() }}
    group by driver, customer_id
),

bounds as (
    select
        driver,
        count(case when highest_attitude = 'high' then 1 end) as least_high,
        count(case when highest_attitude = 'low' and lowest_attitude = 'low' then 1 end) as least_low,
        count(case when lowest_attitude = 'high' then 1 end) as most_high,
        count(*) as most
    from customers
    group by driver
)

select
    drivers.driver,
    drivers.high_raters,
    drivers.low_raters,
    bounds.most
from {{ ref('loyalty_drivers_monthly') }} as drivers
left join bounds
    on drivers.driver = bounds.driver
where
    drivers.month = {{ month_start(as_of_date()) }}
    and (
        drivers.high_raters + drivers.low_raters > coalesce(bounds.most, 0)
        or drivers.high_raters < coalesce(bounds.least_high, 0)
        or drivers.high_raters > coalesce(bounds.most_high, 0)
        or drivers.low_raters < coalesce(bounds.least_low, 0)
    )
