-- Counted once more, day by day and not month by month: who is employed after the last day is in the closing of all.
with staff as (
    select count(*) as headcount
    from {{ ref('stg_employees') }}
    where
        hired_on <= {{ as_of_date() }}
        and coalesce(left_on > {{ as_of_date() }}, true)
),

published as (
    select headcount_closing
    from {{ ref('team_loyalty_monthly') }}
    where
        team_id = 'all'
        and month = {{ month_start(as_of_date()) }}
)

select
    staff.headcount,
    published.headcount_closing
from published
cross join staff
where published.headcount_closing <> staff.headcount
