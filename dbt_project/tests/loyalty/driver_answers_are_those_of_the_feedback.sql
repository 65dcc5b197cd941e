-- Over the months, a driver has the answers that the feedback holds: no month is missing, and none is left out.
with drivers as (
    select
        driver,
        min(month) as first_month,
        max(month) as last_month,
        count(*) as month_count,
        sum(answers) as answers
    from {{ ref('loyalty_drivers_monthly') }}
    group by driver
),

feedback as (
    select
        driver,
        min(month) as first_month,
        count(*) as answers
    from {{ ref('fct_feedback') }}
    where kind in ('nps', 'csat') and score is not null and driver is not null
    group by driver
)

select
    feedback.driver as feedback_driver,
    drivers.driver,
    feedback.answers as feedback_answers,
    drivers.answers
from feedback
full outer join drivers
    on feedback.driver = drivers.driver
where
    feedback.driver is null
    or drivers.driver is null
    or feedback.first_month <> drivers.first_month
    or feedback.answers <> drivers.answers
    or drivers.last_month <> {{ month_start(as_of_date()) }}
    or drivers.month_count <> {{ months_between('drivers.first_month', 'drivers.last_month') }} + 1
