-- opening + hired - leavers = closing, each opening is the last closing, and who is nobody now and then was nobody then.
with teams as (
    select
        *,
        {{ month_index('month') }} as month_index,
        lag({{ month_index('month') }}) over (partition by team_id order by month) as previous_index,
        lag(headcount_closing) over (partition by team_id order by month) as last_closing
    from {{ ref('team_loyalty_monthly') }}
)

select
    month,
    team_id
from teams
where
    headcount_opening + hired - leavers <> headcount_closing
    or headcount_opening <> case when previous_index = month_index - 1 then last_closing else headcount_opening end
    -- a month without a row had nobody
    or previous_index < month_index - 1 and (last_closing <> 0 or headcount_opening <> 0)
