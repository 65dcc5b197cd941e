-- The birthdays from two weeks before the day to a few days after it, of those whom we may congratulate.
with customers as (
    select * from {{ ref('int_care_customers') }}
),

years as (
    select -1 as year_offset
    union all
    select 0 as year_offset
    union all
    select 1 as year_offset
),

-- This year's birthday, the one before and the next: the days around may reach over a new year.
birthdays as (
    select
        customers.customer_id,
        rules.contact_kind,
        persons.birth_date,
        {{ anniversary('persons.birth_date', 'years.year_offset') }} as due_date,
        rules.channel as policy_channel
    from customers
    inner join {{ ref('customer_contacts') }} as persons
        on customers.customer_id = persons.customer_id
    inner join {{ ref('int_care_rules') }} as rules
        on customers.tier = rules.tier
    cross join years
    where rules.contact_kind = 'birthday'
)

select
    customer_id,
    contact_kind,
    due_date,
    cast(null as integer) as cycle_number,
    cast(null as date) as cycle_start_date,
    policy_channel
from birthdays
where
    due_date > birth_date
    and due_date between {{ add_days(as_of_date(), -5) }} and {{ add_days(as_of_date(), 14) }}
