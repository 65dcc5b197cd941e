-- The last balances, the lots, the liability's closing of the as-of month and the ageing all say how many points are out.
with balances as (
    select coalesce(sum(points), 0) as points from {{ ref('points_ledger') }}
),

lots as (
    select coalesce(sum(points_left), 0) as points from {{ ref('int_points_lots_left') }}
),

liability as (
    select coalesce(sum(closing), 0) as points
    from {{ ref('points_liability_monthly') }}
    where month = {{ month_start(as_of_date()) }}
),

ageing as (
    select coalesce(sum(points), 0) as points from {{ ref('points_ageing') }}
)

select
    balances.points as in_balances,
    lots.points as in_lots,
    liability.points as in_liability,
    ageing.points as in_ageing
from balances
cross join lots
cross join liability
cross join ageing
where
    balances.points <> lots.points
    or lots.points <> liability.points
    or liability.points <> ageing.points
