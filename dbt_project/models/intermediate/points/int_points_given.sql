select
    customer_id,
    taking_place,
    owed_place,
    lot_date,
    min(expires_on) as expires_on,
    sum(points) as points,
    max(lot_date) over (partition by customer_id, taking_place, owed_place) as last_lot_date
from {{ ref('int_points_parts') }}
where taking_place is not null
group by customer_id, taking_place, owed_place, lot_date
