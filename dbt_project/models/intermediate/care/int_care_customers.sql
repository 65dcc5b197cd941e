-- Whom we may contact and mean to: with consent, and in the as-of month in a tier that the care policy names.
with customers as (
    select * from {{ ref('stg_customers') }}
    where is_marketing_consent
),

tiers as (
    select * from {{ ref('customer_tiers_monthly') }}
    where month = {{ month_start(as_of_date()) }}
),

named as (
    select distinct tier from {{ ref('int_care_rules') }}
),

first_purchases as (
    select * from {{ ref('int_customer_first_purchases') }}
),

interactions as (
    select
        customer_id,
        business_date,
        channel,
        -- A campaign's mailing goes to everyone and is no contact with this customer.
        direction = 'outbound' and kind <> 'campaign_mailing' as is_own_contact,
        direction = 'inbound' and channel is not null as is_inbound_channel,
        row_number() over (
            partition by customer_id, direction = 'inbound' and channel is not null
            order by interaction_at desc, interaction_id desc
        ) as interaction_number
    from {{ ref('stg_interactions') }}
),

contacts as (
    select
        customer_id,
        max(case when is_inbound_channel and interaction_number = 1 then channel end) as inbound_channel,
        max(case when is_own_contact then business_date end) as last_contacted_date
    from interactions
    group by customer_id
),

joined as (
    select
        customers.customer_id,
        customers.registered_on,
        customers.has_phone,
        customers.has_email,
        customers.has_address,
        coalesce(customers.preferred_channel, contacts.inbound_channel) as own_channel,
        tiers.tier,
        tiers.tier_rank,
        tiers.window_spend,
        tiers.months_observed,
        first_purchases.first_purchase_date,
        cast(
            floor(
                {{ days_between('first_purchases.first_purchase_date', as_of_date()) }}
                / cast({{ var('care_cycle_days') | int }} as double)
            ) as integer
        ) as cycle_number,
        contacts.last_contacted_date
    from customers
    inner join tiers
        on customers.customer_id = tiers.customer_id
    inner join named
        on tiers.tier = named.tier
    inner join first_purchases
        on customers.customer_id = first_purchases.customer_id
    left join contacts
        on customers.customer_id = contacts.customer_id
)

select
    customer_id,
    registered_on,
    has_phone,
    has_email,
    has_address,
    own_channel,
    tier,
    tier_rank,
    window_spend,
    months_observed,
    cycle_number,
    {{ add_days('first_purchase_date', 'cycle_number * ' ~ (var('care_cycle_days') | int)) }} as cycle_start_date,
    last_contacted_date
from joined
