{#
    Weeks are those of ISO 8601: they begin on Monday, and belong to the year that their Thursday lies in. They are worked
    out from 1900-01-01, a Monday before all business dates, as engines number weekdays differently.
#}
with happened as (
    select min(business_date) as first_date from {{ ref('fct_transactions') }}
    union all
    select min(business_date) as first_date from {{ ref('fct_feedback') }}
),

-- Contacts are due until the running care cycle's end, and reviews from 30 days before to 30 days ahead. Where nothing has
-- happened, least() leaves the null out.
bounds as (
    select
        {{ month_start('least(min(first_date), ' ~ add_days(as_of_date(), -30) ~ ')') }} as first_day,
        {{ month_end(add_days(as_of_date(), [var('care_cycle_days'), 30] | max)) }} as last_day
    from happened
),

offsets as (
    select
        first_day,
        {{ integer_series('0', days_between('first_day', 'last_day')) }} as days_after
    from bounds
),

days as (
    select {{ add_days('first_day', 'days_after') }} as date_day
    from offsets
),

weekdays as (
    select
        date_day,
        {{ month_start('date_day') }} as month,
        cast({{ days_between("cast('1900-01-01' as date)", 'date_day') }} % 7 + 1 as integer) as day_of_week
    from days
),

weeks as (
    select
        *,
        {{ add_days('date_day', '1 - day_of_week') }} as week_start,
        {{ add_days('date_day', '4 - day_of_week') }} as week_thursday
    from weekdays
)

select
    date_day,
    cast(extract(year from date_day) as integer) as year,
    cast(extract(quarter from date_day) as integer) as quarter,
    {{ add_months('month', '-cast((extract(month from date_day) - 1) % 3 as integer)') }} as quarter_start,
    month,
    cast(extract(month from date_day) as integer) as month_number,
    cast(extract(day from date_day) as integer) as day_of_month,
    cast(extract(doy from date_day) as integer) as day_of_year,
    week_start,
    cast(extract(year from week_thursday) as integer) as iso_year,
    cast(floor((extract(doy from week_thursday) - 1) / 7) + 1 as integer) as iso_week,
    day_of_week,
    {{ name_of('extract(month from date_day)', 'month', 'en') }} as month_name_en,
    {{ name_of('extract(month from date_day)', 'month', 'zh') }} as month_name_zh,
    {{ name_of('day_of_week', 'weekday', 'en') }} as day_name_en,
    {{ name_of('day_of_week', 'weekday', 'zh') }} as day_name_zh,
    date_day = {{ month_end('date_day') }} as is_month_end,
    day_of_week >= 6 as is_weekend,
    {{ is_closed_day('date_day', 'day_of_week') }} as is_closed_day,
    {{ month_end('date_day') }} <= {{ as_of_date() }} as is_complete_month,
    date_day = {{ as_of_date() }} as is_as_of,
    {{ days_between('date_day', as_of_date()) }} as days_before_as_of
from weeks
