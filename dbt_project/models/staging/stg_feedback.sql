{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('feedback', ['feedback_id']) }}
)

select
    source.feedback_id,
    coalesce(merged.surviving_customer_id, source.customer_id) as customer_id,
    source.customer_id as source_customer_id,
    source.feedback_at,
    source.kind,
    source.score,
    source.driver,
    source.topic,
    source.channel,
    source.comment_text is not null as has_comment,
    {{ if_happened('source.responded_at') }} as responded_at,
    {{ if_happened('source.resolved_at') }} as resolved_at,
    {{ if_happened('source.outcome_told_at') }} as outcome_told_at,
    source.source_system,
    source.business_date
from source
left join {{ ref('stg_customer_merges') }} as merged
    on source.customer_id = merged.customer_id
