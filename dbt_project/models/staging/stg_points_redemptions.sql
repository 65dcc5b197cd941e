{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('points_redemptions', ['redemption_id']) }}
)

select
    source.redemption_id,
    coalesce(merged.surviving_customer_id, source.customer_id) as customer_id,
    source.customer_id as source_customer_id,
    source.redeemed_at,
    source.points,
    source.source_system,
    source.business_date
from source
left join {{ ref('stg_customer_merges') }} as merged
    on source.customer_id = merged.customer_id
