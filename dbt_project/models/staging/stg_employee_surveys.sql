{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('employee_surveys', ['survey_id']) }}
)

select
    survey_id,
    team_id,
    surveyed_at,
    score,
    source_system,
    business_date
from source
