{#
    Every movement of points in the order in which it counts. A movement that takes points asks for some, and may go as
    far as `bound` in the row of all points that the customer ever earned: what is earned by then; what has to expire;
    and under `debt`, for a refund, into what will be earned.
#}
{%- set may_owe = var('points_on_shortfall') == 'debt' -%}
with expiries as (
    select
        customer_id,
        expires_on,
        sum(sum(points)) over (
            partition by customer_id
            order by expires_on
            rows between unbounded preceding and current row
        ) as earned_until
    from {{ ref('int_points_receipts') }}
    where
        points > 0
        and expires_on <= {{ as_of_date() }}
    group by customer_id, expires_on
),

asked as (
    select
        customer_id,
        business_date,
        case when points > 0 then 1 else 2 end as rank_in_day,
        case when points > 0 then 'earn' else 'reverse' end as movement,
        cast(null as timestamp) as moved_at,
        transaction_id as source_id,
        abs(points) as points,
        case when points > 0 then expires_on end as expires_on,
        cast(null as bigint) as earned_until
    from {{ ref('int_points_receipts') }}
    union all
    select
        customer_id,
        business_date,
        3 as rank_in_day,
        'redeem' as movement,
        redeemed_at as moved_at,
        redemption_id as source_id,
        points,
        null as expires_on,
        null as earned_until
    from {{ ref('stg_points_redemptions') }}
    -- without rates there is no programme
    where exists (select 1 from {{ ref('points_rates') }})
    union all
    select
        customer_id,
        expires_on as business_date,
        4 as rank_in_day,
        'expire' as movement,
        cast(null as timestamp) as moved_at,
        null as source_id,
        cast(earned_until as bigint) as points,
        null as expires_on,
        cast(earned_until as bigint) as earned_until
    from expiries
),

placed as (
    select
        *,
        row_number() over life as place,
        cast(sum(case when movement = 'earn' then points else 0 end) over life as bigint) as earned,
        cast(sum(case when movement = 'earn' then 0 else 1 end) over life as bigint) as taking_number
    from asked
    window life as (
        partition by customer_id
        order by business_date, rank_in_day, moved_at, source_id
        rows between unbounded preceding and current row
    )
)

select
    customer_id,
    place,
    movement,
    business_date,
    source_id,
    points,
    expires_on,
    earned,
    case when movement <> 'earn' then taking_number end as taking_number,
    case
        when movement = 'expire' then earned_until
        when movement = 'reverse' and {{ 'true' if may_owe else 'false' }} then 9000000000000000000
        when movement <> 'earn' then earned
    end as bound
from placed
