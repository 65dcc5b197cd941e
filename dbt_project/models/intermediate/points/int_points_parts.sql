{#
    The row of all points that a customer ever earned, cut where a receipt's points end and where a movement that took
    some had come to. What lies between two cuts came in with one receipt and went out with one movement, the next of
    each. A part that went out before it came in is what a refund was owed.
#}
with cuts as (
    select
        customer_id,
        earned as cut,
        place as earn_place,
        business_date as lot_date,
        expires_on,
        cast(null as bigint) as taking_place
    from {{ ref('int_points_movements') }}
    where movement = 'earn'
    union all
    select
        customer_id,
        gone_after as cut,
        null as earn_place,
        null as lot_date,
        null as expires_on,
        place as taking_place
    from {{ ref('int_points_takings') }}
    where gone_after > gone_before
),

distinct_cuts as (
    select
        customer_id,
        cut,
        max(earn_place) as earn_place,
        max(lot_date) as lot_date,
        max(expires_on) as expires_on,
        max(taking_place) as taking_place
    from cuts
    group by customer_id, cut
),

parts as (
    select
        customer_id,
        cut - lag(cut, 1, 0) over (partition by customer_id order by cut) as points,
        min(earn_place) over from_here_on as earn_place,
        min(lot_date) over from_here_on as lot_date,
        min(expires_on) over from_here_on as expires_on,
        min(taking_place) over from_here_on as taking_place
    from distinct_cuts
    window from_here_on as (
        partition by customer_id
        order by cut desc
        rows between unbounded preceding and current row
    )
)

select
    customer_id,
    earn_place,
    lot_date,
    expires_on,
    taking_place,
    case when taking_place < earn_place then earn_place end as owed_place,
    points
from parts
-- what is owed beyond all that was earned has come from no lot yet
where earn_place is not null
