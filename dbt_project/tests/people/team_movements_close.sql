-- opening + hired - leavers = closing, each opening is the last closing, and no month is left out.
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
    or headcount_opening <> last_closing
    or month_index <> previous_index + 1
