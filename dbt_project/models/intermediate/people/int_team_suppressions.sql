{#
    Which figures of which team are not shown. A team is small by its closing headcount; one that is empty has nothing
    to hide. Where one small team is left alone, all less the others would be that team: so the next smallest is hidden
    with it. The same again for the answers of the month, where teams without any neither hide nor need hiding.
#}
{%- set smallest = var('min_team_size') | int -%}

with teams as (
    select
        team_id,
        month,
        headcount_closing,
        enps_answers,
        team_id = 'all' as is_all,
        headcount_closing < {{ smallest }} as is_small
    from {{ ref('int_team_months') }}
),

sized as (
    select
        *,
        sum(case when is_small and headcount_closing > 0 and not is_all then 1 else 0 end) over (
            partition by month
        ) as small_teams,
        row_number() over (
            partition by month, is_all, is_small
            order by headcount_closing, team_id
        ) as size_position
    from teams
),

answered as (
    select
        *,
        is_small or (small_teams = 1 and size_position = 1 and not is_all) as is_suppressed,
        enps_answers > 0 as has_answers,
        enps_answers < {{ smallest }}
        or is_small
        or (small_teams = 1 and size_position = 1 and not is_all) as is_thin
    from sized
),

ranked as (
    select
        *,
        sum(case when has_answers and not is_all then 1 else 0 end) over (partition by month) as answering_teams,
        sum(case when has_answers and is_thin and not is_all then 1 else 0 end) over (
            partition by month
        ) as thin_teams,
        row_number() over (
            partition by month, is_all, has_answers, is_thin
            order by enps_answers, team_id
        ) as answers_position
    from answered
)

select
    team_id,
    month,
    is_suppressed,
    has_answers and (
        is_thin
        or (thin_teams = 1 and answers_position = 1 and not is_all)
        -- all the answers are of that one team
        or (thin_teams = 1 and answering_teams = 1)
    ) as is_enps_suppressed
from ranked
