with movements as (
    select * from {{ ref('int_points_movements') }}
),

takings as (
    select * from {{ ref('int_points_takings') }}
),

given as (
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
),

entries as (
    select
        customer_id,
        movement_id,
        movement,
        business_date,
        points,
        business_date as lot_date,
        expires_on,
        source_id,
        0 as shortfall,
        place,
        0 as place_of_taking
    from movements
    where movement = 'earn'
    union all
    -- what a refund is still owed is paid by the receipt that earns next, and belongs to that receipt's day
    select
        given.customer_id,
        coalesce(earner.movement_id || ':', '') || takings.movement_id as movement_id,
        takings.movement,
        coalesce(earner.business_date, takings.business_date) as business_date,
        -given.points as points,
        given.lot_date,
        given.expires_on,
        takings.source_id,
        case
            when
                takings.movement = 'reverse'
                and given.owed_place is null
                and given.lot_date = given.last_lot_date
                then takings.shortfall
            else 0
        end as shortfall,
        coalesce(given.owed_place, given.taking_place) as place,
        given.taking_place as place_of_taking
    from given
    inner join takings
        on given.customer_id = takings.customer_id and given.taking_place = takings.place
    left join movements as earner
        on given.customer_id = earner.customer_id and given.owed_place = earner.place
    union all
    select
        customer_id,
        movement_id,
        movement,
        business_date,
        0 as points,
        null as lot_date,
        null as expires_on,
        source_id,
        shortfall,
        place,
        place as place_of_taking
    from takings
    where
        movement = 'reverse'
        and points_taken = 0
)

select
    movement_id,
    customer_id,
    cast(row_number() over life as integer) as entry_number,
    business_date,
    movement,
    cast(points as bigint) as points,
    cast(sum(points) over life as bigint) as balance_after,
    lot_date,
    expires_on,
    source_id,
    cast(shortfall as bigint) as shortfall
from entries
window life as (
    partition by customer_id
    order by place, place_of_taking, lot_date
    rows between unbounded preceding and current row
)
