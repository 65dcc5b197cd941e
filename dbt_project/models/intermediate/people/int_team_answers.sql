with surveys as (
    select
        team_id,
        score,
        {{ month_start('business_date') }} as month
    from {{ ref('stg_employee_surveys') }}
),

counted_in as (
    select false as is_all
    union all
    select true as is_all
),

grouped as (
    select
        surveys.month,
        surveys.score,
        case when counted_in.is_all then 'all' else surveys.team_id end as team_id
    from surveys
    cross join counted_in
)

select
    team_id,
    month,
    cast(count(*) as integer) as enps_answers,
    cast(sum(case when score >= 9 then 1 else 0 end) as integer) as promoters,
    cast(sum(case when score <= 6 then 1 else 0 end) as integer) as detractors
from grouped
group by team_id, month
