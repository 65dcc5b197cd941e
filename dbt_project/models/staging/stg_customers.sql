{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('customers', ['customer_id'], is_snapshot=true) }}
),

merged as (
    select * from {{ ref('stg_customer_merges') }}
)

select
    source.customer_id,
    source.full_name is not null as has_name,
    source.phone is not null as has_phone,
    source.email is not null as has_email,
    source.address is not null as has_address,
    source.birth_date is not null as has_birth_date,
    source.gender,
    source.age_band,
    source.income_band,
    source.household_size,
    source.marital_status,
    source.region,
    source.segment,
    source.acquisition_channel,
    source.registered_on,
    nullif(
        coalesce(merged_referrers.surviving_customer_id, source.referred_by_customer_id),
        source.customer_id
    ) as referred_by_customer_id,
    source.account_manager_employee_id,
    source.merged_into_customer_id,
    source.preferred_channel,
    source.is_marketing_consent,
    source.source_system,
    source.business_date
    {{ staged_columns('customers', 'source') }}  -- noqa: LT02
from source
left join merged
    on source.customer_id = merged.customer_id
left join merged as merged_referrers
    on source.referred_by_customer_id = merged_referrers.customer_id
where merged.surviving_customer_id is null
