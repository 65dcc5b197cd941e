select
    tier,
    contact_kind,
    status,
    min(as_of_date) as as_of_date,
    count(*) as contact_count,
    count(distinct customer_id) as customer_count
from {{ ref('care_schedule') }}
group by tier, contact_kind, status
