{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('wallet_surveys', ['survey_id', 'category', 'brand']) }}
)

select
    source.survey_id,
    source.category,
    source.brand,
    coalesce(merged.surviving_customer_id, source.customer_id) as customer_id,
    source.customer_id as source_customer_id,
    source.surveyed_at,
    source.is_own_brand,
    source.preference_rank,
    source.declared_wallet,
    source.source_system,
    source.business_date
from source
left join {{ ref('stg_customer_merges') }} as merged
    on source.customer_id = merged.customer_id
