-- No lot gives more than was earned on its day, nothing leaves it before that day or after its last one, and what it has
-- left is what it got less what it gave. Lots in which nothing is left have no row there.
with lots as (
    select
        customer_id,
        lot_date,
        sum(points) as points_left,
        max(case when movement <> 'earn' and points >= 0 then 1 else 0 end) as gives_nothing,
        max(case when business_date < lot_date or business_date > expires_on then 1 else 0 end) as is_out_of_time,
        max(case when expires_on <= {{ as_of_date() }} then 1 else 0 end) as is_over
    from {{ ref('points_ledger') }}
    where lot_date is not null
    group by customer_id, lot_date
)

select
    coalesce(lots.customer_id, lots_left.customer_id) as customer_id,
    coalesce(lots.lot_date, lots_left.lot_date) as lot_date
from lots
full outer join {{ ref('int_points_lots_left') }} as lots_left
    on lots.customer_id = lots_left.customer_id and lots.lot_date = lots_left.lot_date
where
    coalesce(lots.points_left, 0) <> coalesce(lots_left.points_left, 0)
    or lots.points_left < 0
    or lots.gives_nothing = 1
    or lots.is_out_of_time = 1
    or (lots.is_over = 1 and lots.points_left <> 0)
