{#
    Who is there on a day's morning and leaves on it is gone by its end: so opening + hired - leavers = closing, and a
    closing is the next opening. The 12 months before the first published one are counted too, for turnover.
#}
with members as (
    select * from {{ ref('int_team_members') }}
),

answers as (
    select * from {{ ref('int_team_answers') }}
),

bounds as (
    select
        min(month) as first_month,
        max(month) as last_month
    from {{ ref('int_months') }}
),

series as (
    select {{ month_series(add_months('first_month', -11), 'last_month') }} as month
    from bounds
),

months as (
    select
        month,
        least({{ month_end('month') }}, {{ as_of_date() }}) as month_end,
        row_number() over (order by month) > 11 as is_published
    from series
),

appearances as (
    select
        team_id,
        {{ month_start('hired_on') }} as month
    from members
    union all
    select
        team_id,
        month
    from answers
),

teams as (
    select
        team_id,
        min(month) as first_month
    from appearances
    group by team_id
),

counted as (
    select
        teams.team_id,
        months.month,
        months.month_end,
        months.is_published,
        sum(case
            when members.hired_on < months.month and coalesce(members.left_on >= months.month, true) then 1
            else 0
        end) as headcount_opening,
        sum(case when members.hired_on between months.month and months.month_end then 1 else 0 end) as hired,
        sum(case when members.left_on between months.month and months.month_end then 1 else 0 end) as leavers,
        sum(case
            when members.hired_on <= months.month_end and coalesce(members.left_on > months.month_end, true) then 1
            else 0
        end) as headcount_closing,
        {{ median(
            'case when members.hired_on <= months.month_end and coalesce(members.left_on > months.month_end, true) then '
            ~ days_between('members.hired_on', 'months.month_end') ~ ' end'
        ) }} as tenure_days_median
    from teams
    inner join months
        on teams.first_month <= months.month
    left join members
        on teams.team_id = members.team_id
    group by teams.team_id, months.month, months.month_end, months.is_published
),

rolled as (
    select
        *,
        count(*) over last_12 as months_12m,
        sum(leavers) over last_12 as leavers_12m,
        sum(headcount_opening + headcount_closing) over last_12 / 2.0e0 / 12 as average_headcount_12m
    from counted
    window last_12 as (
        partition by team_id
        order by month
        rows between 11 preceding and current row
    )
),

-- A team that nobody was in, and nobody answered for, in any month of the customers' data is none of theirs.
asked as (
    select
        rolled.*,
        coalesce(answers.enps_answers, 0) as enps_answers,
        {{ share('(answers.promoters - answers.detractors)', 'answers.enps_answers') }} as enps,
        max(
            case
                when
                    rolled.is_published
                    and (rolled.headcount_opening > 0 or rolled.hired > 0 or answers.enps_answers > 0)
                    then 1
                else 0
            end
        ) over (partition by rolled.team_id) as appears
    from rolled
    left join answers
        on rolled.team_id = answers.team_id and rolled.month = answers.month
)

select
    team_id,
    month,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    {{ month_index('month') }} as month_index,
    cast(headcount_opening as integer) as headcount_opening,
    cast(hired as integer) as hired,
    cast(leavers as integer) as leavers,
    cast(headcount_closing as integer) as headcount_closing,
    case when months_12m = 12 then {{ share('leavers_12m', 'average_headcount_12m') }} end as turnover_rate_12m,
    tenure_days_median,
    enps_answers,
    enps
from asked
where
    is_published
    and appears = 1
