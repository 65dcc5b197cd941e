select
    cast(null as {{ text_type() }}) as customer_id,
    cast(null as date) as lot_date,
    cast(null as date) as expires_on,
    cast(null as bigint) as points_left
from (select 1 as one) as nothing
where 1 = 0
