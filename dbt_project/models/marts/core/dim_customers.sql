with customers as (
    select * from {{ ref('stg_customers') }}
),

archives as (
    select * from {{ ref('int_customer_archives') }}
),

purchases as (
    select
        customer_id,
        min(case when is_purchase_day then business_date end) as first_purchase_date,
        max(case when is_purchase_day then business_date end) as last_purchase_date
    from {{ ref('int_customer_days') }}
    group by customer_id
)

select
    archives.customer_id,
    customers.customer_id is not null as is_known,
    customers.gender,
    customers.age_band,
    customers.income_band,
    customers.household_size,
    customers.marital_status,
    customers.region,
    customers.segment,
    customers.acquisition_channel,
    customers.registered_on,
    customers.referred_by_customer_id,
    customers.preferred_channel,
    customers.is_marketing_consent,
    purchases.first_purchase_date,
    purchases.last_purchase_date,
    archives.basics_completeness,
    archives.purchases_completeness,
    archives.interactions_completeness,
    (
        archives.basics_completeness + archives.purchases_completeness + archives.interactions_completeness
    ) / 3.0e0 as archive_completeness,
    customers.source_system
    {{ published_columns('customers', 'customers') }}  -- noqa: LT02
from archives
left join customers
    on archives.customer_id = customers.customer_id
left join purchases
    on archives.customer_id = purchases.customer_id
