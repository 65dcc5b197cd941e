-- A gap lapses on the first whole day on which recency is above the customer's lapsed_after_days.
with gaps as (
    select * from {{ ref('int_purchase_gaps') }}
),

thresholds as (
    select * from {{ ref('int_retention_thresholds') }}
)

select
    gaps.customer_id,
    gaps.purchase_date as last_purchase_date,
    {{ add_days('gaps.purchase_date', 'floor(thresholds.lapsed_after_days) + 1') }} as lapse_date,
    gaps.next_purchase_date as reactivated_date,
    gaps.gap_days
from gaps
inner join thresholds
    on gaps.customer_id = thresholds.customer_id
where gaps.gap_days > thresholds.lapsed_after_days
