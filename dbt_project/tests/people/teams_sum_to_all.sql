-- Everyone is in one team: the teams' staff, movements and answers are those of all, in each month.
with teams as (
    select
        month,
        sum(headcount_opening) as headcount_opening,
        sum(hired) as hired,
        sum(leavers) as leavers,
        sum(headcount_closing) as headcount_closing,
        sum(enps_answers) as enps_answers
    from {{ ref('team_loyalty_monthly') }}
    where team_id <> 'all'
    group by month
),

totals as (
    select * from {{ ref('team_loyalty_monthly') }}
    where team_id = 'all'
)

select coalesce(teams.month, totals.month) as month
from teams
full outer join totals
    on teams.month = totals.month
where
    teams.month is null
    or totals.month is null
    or teams.headcount_opening <> totals.headcount_opening
    or teams.hired <> totals.hired
    or teams.leavers <> totals.leavers
    or teams.headcount_closing <> totals.headcount_closing
    or teams.enps_answers <> totals.enps_answers
