with source as (
    {{ held_rows('customers', ['customer_id'], is_snapshot=true) }}
)

select
    customer_id,
    full_name is not null as has_name,
    phone is not null as has_phone,
    email is not null as has_email,
    address is not null as has_address,
    birth_date is not null as has_birth_date,
    gender,
    age_band,
    income_band,
    household_size,
    marital_status,
    region,
    segment,
    acquisition_channel,
    registered_on,
    referred_by_customer_id,
    preferred_channel,
    is_marketing_consent,
    source_system,
    business_date
from source
