-- A value of a dimension begins with a month that has feedback, and has each month from there to the as-of month.
with pairs as (
    select
        dimension,
        value,
        min(month) as first_month,
        min(case when feedback_count > 0 then month end) as first_feedback_month,
        max(month) as last_month,
        count(*) as months
    from {{ ref('feedback_summary_monthly') }}
    group by 1, 2
)

select
    dimension,
    value
from pairs
where
    first_feedback_month is null
    or first_month <> first_feedback_month
    or last_month <> {{ month_start(as_of_date()) }}
    or months <> {{ months_between('first_month', 'last_month') }} + 1
