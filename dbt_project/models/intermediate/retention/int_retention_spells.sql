-- A spell begins with the first purchase day, or the one that follows a lapse, and ends with the next lapse.
with thresholds as (
    select * from {{ ref('int_retention_thresholds') }}
),

lapses as (
    select * from {{ ref('int_retention_lapses') }}
),

ended as (
    select
        customer_id,
        lag(reactivated_date) over (partition by customer_id order by last_purchase_date) as returned_on,
        last_purchase_date,
        lapse_date,
        reactivated_date,
        row_number() over (partition by customer_id order by last_purchase_date) as spell_number,
        row_number() over (partition by customer_id order by last_purchase_date desc) as spells_from_last
    from lapses
),

last_ended as (
    select * from ended
    where spells_from_last = 1
)

select
    ended.customer_id,
    cast(ended.spell_number as integer) as spell_number,
    coalesce(ended.returned_on, thresholds.first_purchase_date) as started_on,
    ended.last_purchase_date,
    ended.lapse_date
from ended
inner join thresholds
    on ended.customer_id = thresholds.customer_id
union all
-- The spell that goes on: who never lapsed, or has come back since.
select
    thresholds.customer_id,
    cast(coalesce(last_ended.spell_number, 0) + 1 as integer) as spell_number,
    coalesce(last_ended.reactivated_date, thresholds.first_purchase_date) as started_on,
    thresholds.last_purchase_date,
    cast(null as date) as lapse_date
from thresholds
left join last_ended
    on thresholds.customer_id = last_ended.customer_id
where last_ended.customer_id is null or last_ended.reactivated_date is not null
