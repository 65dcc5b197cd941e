with source as (
    {{ held_rows('interactions', ['interaction_id']) }}
)

select
    interaction_id,
    customer_id,
    interaction_at,
    direction,
    channel,
    kind,
    campaign_id,
    employee_id,
    source_system,
    business_date
from source
