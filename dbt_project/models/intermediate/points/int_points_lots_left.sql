select
    customer_id,
    lot_date,
    min(expires_on) as expires_on,
    cast(sum(points) as bigint) as points_left
from {{ ref('int_points_parts') }}
where taking_place is null
group by customer_id, lot_date
