-- Whatever happened or is due on a day, BI finds that day in the calendar.
with used as (
    select business_date as date_day
    from {{ ref('fct_transactions') }}
    union
    select business_date as date_day
    from {{ ref('fct_feedback') }}
    union
    select due_date as date_day
    from {{ ref('care_schedule') }}
    union
    select {{ as_of_date() }} as date_day
)

select used.date_day
from used
left join {{ ref('dim_dates') }} as calendar
    on used.date_day = calendar.date_day
where calendar.date_day is null
