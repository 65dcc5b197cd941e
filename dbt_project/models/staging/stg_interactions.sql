{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('interactions', ['interaction_id']) }}
)

select
    source.interaction_id,
    coalesce(merged.surviving_customer_id, source.customer_id) as customer_id,
    source.customer_id as source_customer_id,
    source.interaction_at,
    source.direction,
    source.channel,
    source.kind,
    source.campaign_id,
    source.employee_id,
    source.source_system,
    source.business_date
from source
left join {{ ref('stg_customer_merges') }} as merged
    on source.customer_id = merged.customer_id
