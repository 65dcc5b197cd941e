-- The calibration's customers by day: who was new, and the repeat purchase days of all; the last day is always there.
with histories as (
    select * from {{ ref('int_purchase_histories') }}
    where calibration_age_days is not null
),

gaps as (
    select * from {{ ref('int_purchase_gaps') }}
    where is_closed
),

events as (
    select
        first_purchase_date as business_date,
        count(*) as new_customers,
        0 as repeat_purchase_days
    from histories
    group by first_purchase_date
    union all
    select
        gaps.next_purchase_date as business_date,
        0 as new_customers,
        count(*) as repeat_purchase_days
    from gaps
    inner join histories
        on gaps.customer_id = histories.customer_id
    group by gaps.next_purchase_date
    union all
    select distinct
        {{ as_of_date() }} as business_date,
        0 as new_customers,
        0 as repeat_purchase_days
    from histories
    union all
    select distinct
        calibration_end as business_date,
        0 as new_customers,
        0 as repeat_purchase_days
    from histories
),

bounds as (
    select
        min(first_purchase_date) as first_date,
        max(calibration_end) as calibration_end
    from histories
),

days as (
    select
        {{ days_between('bounds.first_date', 'events.business_date') }} as day,
        events.business_date > bounds.calibration_end as is_holdout,
        events.new_customers,
        events.repeat_purchase_days
    from events
    cross join bounds
)

select
    day,
    is_holdout,
    cast(sum(new_customers) as bigint) as new_customers,
    cast(sum(repeat_purchase_days) as bigint) as repeat_purchase_days
from days
group by day, is_holdout
