{#
    Who worked in a team, and once more in all: the row of an employee that is known as of the run serves all months.
    Hires and leavings dated after the as-of date have not happened.
#}
with employees as (
    select
        employee_id,
        team_id,
        store_id,
        hired_on,
        case when left_on <= {{ as_of_date() }} then left_on end as left_on
    from {{ ref('stg_employees') }}
    where hired_on <= {{ as_of_date() }}
)

select
    team_id,
    employee_id,
    store_id,
    hired_on,
    left_on
from employees
union all
select
    'all' as team_id,
    employee_id,
    store_id,
    hired_on,
    left_on
from employees
