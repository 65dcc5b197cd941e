select
    source_id as redemption_id,
    customer_id,
    business_date,
    points_asked as points_requested,
    points_taken as points_redeemed,
    shortfall as points_overdrawn
from {{ ref('int_points_takings') }}
where
    movement = 'redeem'
    and shortfall > 0
