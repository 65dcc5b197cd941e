{# What the care list of contacts and the one of birthdays have in common. #}

{# Kinds of contact, each with the kinds of outbound interaction that fulfil it. #}
{% macro fulfilling_kinds() -%}
    {{ return({
        'message': ['message', 'email', 'mail'],
        'call': ['call'],
        'long_call': ['call'],
        'review': ['review', 'visit', 'call'],
        'birthday': ['message', 'email', 'mail', 'call', 'visit'],
    }) }}
{%- endmacro %}


{# The same as a subquery's rows, of the kinds that are named. #}
{% macro fulfilments(contact_kinds) -%}
    {%- for contact_kind in contact_kinds -%}
    {%- set outer = loop -%}
    {%- for kind in fulfilling_kinds()[contact_kind] -%}
    select
        '{{ contact_kind }}' as contact_kind,
        '{{ kind }}' as interaction_kind
    {%- if not (loop.last and outer.last) %}
    union all
    {% endif %}
    {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}


{# The date's anniversary in the as-of date's calendar year, or so many `years` later, DATE. Of 29 February the 28th. #}
{% macro anniversary(date, years) -%}
    {%- set whole_years = 'extract(year from ' ~ as_of_date() ~ ') - extract(year from ' ~ date ~ ') + ' ~ years -%}
    {{ add_months(date, '12 * (' ~ whole_years ~ ')') }}
{%- endmacro %}


{#
    A select: of the contacts in the CTE `contacts` (customer_id, contact_kind, due_date) those that an outbound
    interaction served, with its date, contacted_date. Each interaction serves one contact, the nearest of those that its
    kind fulfils and in whose days it lies, ties the earlier. Of several for one contact the nearest counts.

    `first_date` is the date before which no interaction can serve any of them.
#}
{% macro served_contacts(contact_kinds, first_date) -%}
    select
        customer_id,
        contact_kind,
        due_date,
        contacted_date
    from (
        select
            customer_id,
            contact_kind,
            due_date,
            contacted_date,
            row_number() over (
                partition by customer_id, contact_kind, due_date
                order by abs(days_after), contacted_date
            ) as contact_position
        from (
            select
                contacts.customer_id,
                contacts.contact_kind,
                contacts.due_date,
                interactions.business_date as contacted_date,
                {{ days_between('contacts.due_date', 'interactions.business_date') }} as days_after,
                row_number() over (
                    partition by interactions.interaction_id
                    order by
                        abs({{ days_between('contacts.due_date', 'interactions.business_date') }}),
                        contacts.due_date,
                        contacts.contact_kind
                ) as interaction_position
            from {{ ref('stg_interactions') }} as interactions
            inner join ({{ fulfilments(contact_kinds) }}) as fulfilments
                on interactions.kind = fulfilments.interaction_kind
            inner join contacts
                on
                    interactions.customer_id = contacts.customer_id
                    and fulfilments.contact_kind = contacts.contact_kind
            where
                interactions.direction = 'outbound'
                and interactions.business_date >= {{ first_date }}
                and {{ days_between('contacts.due_date', 'interactions.business_date') }}
                between -{{ var('care_on_time_days') | int }} and {{ var('care_late_days') | int }}
        ) as nearest
        where interaction_position = 1
    ) as ordered
    where contact_position = 1
{%- endmacro %}


{# The status of a contact as of the run, by its due date and the date on which it was served, if it was. #}
{% macro care_status(due_date, contacted_date) -%}
    case
        when {{ days_between(due_date, contacted_date) }} <= {{ var('care_on_time_days') | int }} then 'done'
        when {{ contacted_date }} is not null then 'done_late'
        when {{ due_date }} > {{ as_of_date() }} then 'upcoming'
        when {{ days_between(due_date, as_of_date()) }} <= {{ var('care_on_time_days') | int }} then 'due'
        when {{ days_between(due_date, as_of_date()) }} <= {{ var('care_late_days') | int }} then 'overdue'
        else 'missed'
    end
{%- endmacro %}


{#
    A select: the list's rows, of the CTEs `contacts` (as above, with cycle_number, cycle_start_date and policy_channel),
    `served`, `customers` (int_care_customers) and `reasons` (int_care_reasons).
#}
{% macro care_rows() -%}
    select
        customer_id,
        contact_kind,
        due_date,
        {{ as_of_date() }} as as_of_date,
        cycle_number,
        cycle_start_date,
        tier,
        channel,
        -- Other channels need nothing that the master data would have to hold.
        case
            when channel in ('phone', 'message') then has_phone
            when channel = 'email' then has_email
            when channel = 'mail' then has_address
            else true
        end as is_reachable,
        status,
        contacted_date,
        priority,
        talking_points,
        last_contacted_date
    from (
        select
            contacts.customer_id,
            contacts.contact_kind,
            contacts.due_date,
            contacts.cycle_number,
            contacts.cycle_start_date,
            customers.tier,
            case
                when contacts.contact_kind in ('call', 'long_call') then 'phone'
                else coalesce(customers.own_channel, contacts.policy_channel)
            end as channel,
            customers.has_phone,
            customers.has_email,
            customers.has_address,
            {{ care_status('contacts.due_date', 'served.contacted_date') }} as status,
            served.contacted_date,
            reasons.priority,
            reasons.talking_points,
            customers.last_contacted_date
        from contacts
        inner join customers
            on contacts.customer_id = customers.customer_id
        inner join reasons
            on contacts.customer_id = reasons.customer_id
        left join served
            on
                contacts.customer_id = served.customer_id
                and contacts.contact_kind = served.contact_kind
                and contacts.due_date = served.due_date
    ) as listed
{%- endmacro %}
