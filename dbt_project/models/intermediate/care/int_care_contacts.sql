{#
    The contacts on the care list: of each customer's present cycle, those of the cycle before until they have been missed
    for a few days, and the anniversary of the registration.
#}
{%- set cycle_days = var('care_cycle_days') | int -%}
{%- set shown_days = var('care_late_days') | int + var('care_on_time_days') | int -%}
with customers as (
    select * from {{ ref('int_care_customers') }}
),

rules as (
    select * from {{ ref('int_care_rules') }}
),

steps as (
    select 0 as step
    union all
    select -1 as step
),

years as (
    select -1 as year_offset
    union all
    select 0 as year_offset
    union all
    select 1 as year_offset
),

cycles as (
    select
        customers.customer_id,
        rules.contact_kind,
        steps.step = 0 as is_present,
        customers.cycle_number + steps.step as cycle_number,
        {{ add_days('customers.cycle_start_date', 'steps.step * ' ~ cycle_days) }} as cycle_start_date,
        {{ add_days('customers.cycle_start_date', 'steps.step * ' ~ cycle_days ~ ' + rules.day - 1') }} as due_date,
        rules.channel
    from customers
    inner join rules
        on customers.tier = rules.tier
    cross join steps
    where rules.contact_kind in ('message', 'call', 'long_call')
),

-- This year's anniversary, the one before and the next: the days around may reach over a new year.
anniversaries as (
    select
        customers.customer_id,
        rules.contact_kind,
        customers.registered_on,
        {{ anniversary('customers.registered_on', 'years.year_offset') }} as due_date,
        rules.channel
    from customers
    inner join rules
        on customers.tier = rules.tier
    cross join years
    where rules.contact_kind = 'review'
)

select
    customer_id,
    contact_kind,
    due_date,
    cycle_number,
    cycle_start_date,
    channel as policy_channel
from cycles
where
    is_present
    or (cycle_number >= 0 and due_date > {{ add_days(as_of_date(), -1 * shown_days) }})
union all
select
    customer_id,
    contact_kind,
    due_date,
    cast(null as integer) as cycle_number,
    cast(null as date) as cycle_start_date,
    channel as policy_channel
from anniversaries
where
    due_date > registered_on
    and due_date between {{ add_days(as_of_date(), -30) }} and {{ add_days(as_of_date(), 30) }}
