-- Each receipt's points and each redemption's stand in the ledger once, less what is said to be short; under debt, what was
-- short and is not owed any more was taken later.
with sources as (
    select
        customer_id,
        'earn' as movement,
        sum(points) as asked
    from {{ ref('int_points_receipts') }}
    where points > 0
    group by customer_id
    union all
    select
        customer_id,
        'reverse' as movement,
        -sum(points) as asked
    from {{ ref('int_points_receipts') }}
    where points < 0
    group by customer_id
    union all
    select
        customer_id,
        'redeem' as movement,
        sum(points) as asked
    from {{ ref('stg_points_redemptions') }}
    where exists (select 1 from {{ ref('points_rates') }})
    group by customer_id
),

overdrawn as (
    select
        customer_id,
        'redeem' as movement,
        sum(points_overdrawn) as points
    from {{ ref('points_overdrawn') }}
    group by customer_id
),

ledger as (
    select
        customer_id,
        movement,
        sum(abs(points)) as points,
        sum(shortfall) as shortfall
    from {{ ref('points_ledger') }}
    where movement <> 'expire'
    group by customer_id, movement
)

select
    coalesce(sources.customer_id, ledger.customer_id) as customer_id,
    coalesce(sources.movement, ledger.movement) as movement
from sources
full outer join ledger
    on sources.customer_id = ledger.customer_id and sources.movement = ledger.movement
left join overdrawn
    on sources.customer_id = overdrawn.customer_id and sources.movement = overdrawn.movement
where
    coalesce(sources.asked, 0) < coalesce(ledger.points, 0)
    or coalesce(sources.asked, 0)
    > coalesce(ledger.points, 0) + coalesce(ledger.shortfall, 0) + coalesce(overdrawn.points, 0)
    or (sources.movement = 'earn' and sources.asked <> coalesce(ledger.points, 0))
    or (sources.movement = 'redeem' and sources.asked <> coalesce(ledger.points, 0) + coalesce(overdrawn.points, 0))
