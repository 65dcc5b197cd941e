-- What we did to win the customer back. A campaign's mailing goes to everyone and is no such step.
with lapses as (
    select
        customer_id,
        lapse_number,
        lapse_date,
        last_date_away
    from {{ ref('int_lapses_numbered') }}
),

contacts as (
    select
        customer_id,
        business_date
    from {{ ref('stg_interactions') }}
    where
        direction = 'outbound'
        and kind <> 'campaign_mailing'
)

select
    lapses.customer_id,
    lapses.lapse_number,
    min(contacts.business_date) as first_contacted_date,
    cast(count(*) as integer) as contacts
from lapses
inner join contacts
    on
        lapses.customer_id = contacts.customer_id
        and lapses.lapse_date <= contacts.business_date
        and lapses.last_date_away >= contacts.business_date
group by lapses.customer_id, lapses.lapse_number
