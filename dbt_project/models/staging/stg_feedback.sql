with source as (
    {{ held_rows('feedback', ['feedback_id']) }}
)

select
    feedback_id,
    customer_id,
    feedback_at,
    kind,
    score,
    driver,
    topic,
    channel,
    comment_text is not null as has_comment,
    responded_at,
    resolved_at,
    outcome_told_at,
    source_system,
    business_date
from source
