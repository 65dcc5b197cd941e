with surveys as (
    select
        team_id,
        score,
        {{ month_start('business_date') }} as month
    from {{ ref('stg_employee_surveys') }}
),

grouped as (
    select
        team_id,
        month,
        score
    from surveys
    union all
    select
        'all' as team_id,
        month,
        score
    from surveys
)

select
    team_id,
    month,
    cast(count(*) as integer) as enps_answers,
    cast(sum(case when score >= 9 then 1 else 0 end) as integer) as promoters,
    cast(sum(case when score <= 6 then 1 else 0 end) as integer) as detractors
from grouped
group by team_id, month
