with source as (
    {{ held_rows('wallet_surveys', ['survey_id', 'category', 'brand']) }}
)

select
    survey_id,
    category,
    brand,
    customer_id,
    surveyed_at,
    is_own_brand,
    preference_rank,
    declared_wallet,
    source_system,
    business_date
from source
