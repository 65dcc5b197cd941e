{#- A contact is due a cycle ago at the earliest, a review 30 days ago, and can be served a few days before. -#}
{%- set first_day = [var('care_cycle_days') | int, 30] | max + var('care_on_time_days') | int -%}
with contacts as (
    select
        customer_id,
        contact_kind,
        due_date
    from {{ ref('int_care_contacts') }}
)

{{ served_contacts(['message', 'call', 'long_call', 'review'], add_days(as_of_date(), -1 * first_day)) }}
