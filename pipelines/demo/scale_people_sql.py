"""The scale generator's SQL for people: staff and what they say, customers' master data."""

from __future__ import annotations

from pipelines.demo.scale_draws import draw
from pipelines.demo.scale_programmes_sql import consents

STORES, TEAMS = 50, 60
MANAGERS = 200
"""So many of the staff look after customers; there are always more in all."""


def employees_sql(seed: int) -> str:
    """Table `employees`: 60 teams of 2 to 15 at a time in 50 stores; the last team has no store."""
    return f"""
create table employees as
with teams as (
    select unnest(range({TEAMS})) as team, 4 + team % 14 * 2 as members, any_value(start_date) as start_date,
        any_value(day_count) as day_count,
    from customers
),

members as (
    select *, unnest(range(members)) as member,
        -1200 + floor({draw("team", "member", "'hired'", seed=seed)} * (1200 + day_count)) as hired,
        hired + 100 + floor({draw("team", "member", "'stays'", seed=seed)} * 1800) as leaves,
    from teams
)

select
    printf('E%05d', row_number() over (order by team, member) - 1) as employee_id,
    printf('T%02d', team) as team_id,
    case when team < {TEAMS} - 1 then 'S' || (team + case when team % 5 = 0 and member % 7 = 6 then 1 else 0 end) % {STORES} end
        as store_id,
    start_date + cast(hired as integer) as hired_on,
    case when leaves < day_count then start_date + cast(leaves as integer) end as left_on,
    team, member, start_date, day_count,
from members
"""


def employee_surveys_sql(seed: int) -> str:
    """Table `employee_surveys`: each quarter's anonymous scores, of two in five who are there."""
    score = draw("team", "member", "wave", "'score'", seed=seed)
    return f"""
create table employee_surveys as
with waves as (
    select *, unnest(range(80, day_count, 91)) as day_number, day_number // 91 as wave,
    from employees
)

select
    printf('s%d-%02d-%02d', wave, team, member) as survey_id, team_id,
    cast(start_date + cast(day_number as integer) as timestamp) + to_seconds(36000 + member * 600) as surveyed_at,
    cast(floor(11 * sqrt({score})) as integer) as score,
    start_date + cast(day_number as integer) as day,
from waves
where hired_on <= start_date + cast(day_number as integer)
    and coalesce(left_on > start_date + cast(day_number as integer), true)
    and {draw("team", "member", "wave", seed=seed)} < 0.4
"""


def customer_rows(seed: int) -> str:
    """Customers' master data; what would be personal is nobody's, as in `profiles` of the demo."""
    return f"""
select
    customer_id,
    'Simulated ' || position as full_name,
    printf('+1-202-555-01%02d', position % 100) as phone,
    start_date - 7000 - cast(floor(18000 * {draw("position", "'born'", seed=seed)}) as integer) as birth_date,
    ['18-24', '25-34', '35-44', '45-54', '55-64', '65+'][1 + position % 6] as age_band,
    ['Under 50K', '50-99K', '100K+'][1 + position % 3] as income_band,
    cast(1 + position % 5 as varchar) as household_size,
    start_date - cast(floor(2500 * {draw("position", "'registered'", seed=seed)}) as integer) as registered_on,
    case when position % 9 = 8 then lag(customer_id) over (order by position) end as referred_by_customer_id,
    case when tier in ('diamond', 'gold') and position % 3 = 0 then printf('E%05d', position % {MANAGERS}) end
        as account_manager_employee_id,
    ['message', 'email', 'phone', null, null, null][1 + position % 6] as preferred_channel,
    {consents(seed)} as is_marketing_consent,
    'simulated' as source_system,
from customers
order by customer_id
"""


EMPLOYEE_ROWS = """
select employee_id, team_id, store_id, hired_on, left_on, 'simulated' as source_system,
from employees
order by employee_id
"""
