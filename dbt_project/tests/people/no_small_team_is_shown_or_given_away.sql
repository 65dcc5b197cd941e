-- No figure of a team under min_team_size is shown, and none is the only hidden one where all is shown: all less the
-- others would be that team.
{%- set smallest = var('min_team_size') | int %}
with rows_of_month as (
    select
        *,
        sum(case when team_id <> 'all' and is_suppressed and headcount_closing > 0 then 1 else 0 end) over (
            partition by month
        ) as hidden_teams,
        sum(case when team_id <> 'all' and is_enps_suppressed then 1 else 0 end) over (partition by month) as hidden_answers
    from {{ ref('team_loyalty_monthly') }}
)

select
    month,
    team_id
from rows_of_month
where
    headcount_closing < {{ smallest }} and not is_suppressed
    or is_suppressed and coalesce(turnover_rate_12m, tenure_days_median, enps) is not null
    or enps is not null and (is_enps_suppressed or enps_answers < {{ smallest }})
    or team_id = 'all' and hidden_teams = 1 and not is_suppressed
    or team_id = 'all' and hidden_answers = 1 and enps is not null
