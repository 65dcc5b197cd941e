with movements as (
    select * from {{ ref('int_points_movements') }}
),

takings as (
    select * from {{ ref('int_points_takings') }}
),

given as (
    select * from {{ ref('int_points_given') }}
),

entries as (
    select
        movements.customer_id,
        {{ points_movement_id('movements') }} as movement_id,
        movements.movement,
        movements.business_date,
        movements.points,
        movements.business_date as lot_date,
        movements.expires_on,
        movements.source_id,
        0 as shortfall,
        movements.place,
        0 as place_of_taking
    from movements
    where movements.movement = 'earn'
    union all
    select
        takings.customer_id,
        {{ points_movement_id('takings') }} as movement_id,
        takings.movement,
        takings.business_date,
        -given.points as points,
        given.lot_date,
        given.expires_on,
        takings.source_id,
        case
            when takings.movement = 'reverse' and given.lot_date = given.last_lot_date then takings.shortfall
            else 0
        end as shortfall,
        takings.place,
        takings.place as place_of_taking
    from given
    inner join takings
        on given.customer_id = takings.customer_id and given.taking_place = takings.place
    where given.owed_place is null
    union all
    -- what a refund is still owed is paid by the receipt that earns next, and belongs to that receipt's day
    select
        takings.customer_id,
        {{ points_movement_id('movements') }} || ':' || {{ points_movement_id('takings') }} as movement_id,
        takings.movement,
        movements.business_date,
        -given.points as points,
        given.lot_date,
        given.expires_on,
        takings.source_id,
        0 as shortfall,
        given.owed_place as place,
        takings.place as place_of_taking
    from given
    inner join takings
        on given.customer_id = takings.customer_id and given.taking_place = takings.place
    inner join movements
        on given.customer_id = movements.customer_id and given.owed_place = movements.place
    where given.owed_place is not null
    union all
    select
        takings.customer_id,
        {{ points_movement_id('takings') }} as movement_id,
        takings.movement,
        takings.business_date,
        0 as points,
        null as lot_date,
        null as expires_on,
        takings.source_id,
        takings.shortfall,
        takings.place,
        takings.place as place_of_taking
    from takings
    where
        takings.movement = 'reverse'
        and takings.points_taken = 0
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
