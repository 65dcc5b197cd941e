{#
    The birthdays of the care list. They are matched with interactions by themselves: were they to compete with other
    contacts, what is published of those would tell of a birthday.
#}
with contacts as (
    select * from {{ ref('care_birthdays_due') }}
),

served as (
    {{ served_contacts(['birthday'], add_days(as_of_date(), -10)) }}
),

customers as (
    select * from {{ ref('int_care_customers') }}
),

reasons as (
    select * from {{ ref('int_care_reasons') }}
)

{{ care_rows() }}
