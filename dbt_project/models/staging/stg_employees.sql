{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('employees', ['employee_id'], is_snapshot=true) }}
)

select
    employee_id,
    team_id,
    store_id,
    hired_on,
    left_on,
    source_system,
    business_date
from source
