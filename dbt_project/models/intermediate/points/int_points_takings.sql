with folded as (
    select
        customer_id,
        {{ folded_frontiers('points', 'bound', 'taking_number') }} as frontiers  -- noqa: PRS
    from {{ ref('int_points_movements') }}
    where movement <> 'earn'
    group by customer_id
),

numbered as (
    select
        customer_id,
        {{ numbered_elements('frontiers', 'taking_number', 'frontier') }}
    from folded
),

paired as (
    select
        customer_id,
        taking_number,
        lag(frontier) over (partition by customer_id order by taking_number) as gone_before,
        frontier as gone_after
    from numbered
),

taken as (
    select
        movements.customer_id,
        movements.place,
        movements.movement,
        movements.business_date,
        movements.source_id,
        movements.points as points_asked,
        paired.gone_before,
        paired.gone_after,
        least(paired.gone_after, movements.earned) - least(paired.gone_before, movements.earned) as points_taken
    from {{ ref('int_points_movements') }} as movements
    inner join paired
        on movements.customer_id = paired.customer_id and movements.taking_number = paired.taking_number
)

select
    customer_id,
    place,
    movement,
    business_date,
    source_id,
    points_asked,
    points_taken,
    case when movement = 'expire' then 0 else points_asked - points_taken end as shortfall,
    gone_before,
    gone_after
from taken
