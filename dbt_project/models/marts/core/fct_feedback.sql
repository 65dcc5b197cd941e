select
    feedback_id,
    customer_id,
    feedback_at,
    business_date,
    {{ month_start('business_date') }} as month,
    kind,
    score,
    driver,
    topic,
    channel,
    has_comment,
    responded_at,
    resolved_at,
    outcome_told_at,
    source_system
from {{ ref('stg_feedback') }}
