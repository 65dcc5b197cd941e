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
),

counted_in as (
    select false as is_all
    union all
    select true as is_all
)

select
    case when counted_in.is_all then 'all' else employees.team_id end as team_id,
    employees.employee_id,
    employees.store_id,
    employees.hired_on,
    employees.left_on
from employees
cross join counted_in
