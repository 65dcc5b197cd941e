-- A customer's lapses are 1, 2, 3 in the order of time; each ends before the purchase after which the next one begins.
with lapses as (
    select
        customer_id,
        lapse_number,
        last_purchase_date,
        lapse_date,
        won_back_date,
        is_open,
        lag(lapse_number, 1, 0) over (partition by customer_id order by lapse_date) as number_before,
        lead(last_purchase_date) over (partition by customer_id order by lapse_date) as next_last_purchase_date
    from {{ ref('defections') }}
)

select *
from lapses
where
    lapse_number <> number_before + 1
    or last_purchase_date >= lapse_date
    or won_back_date < lapse_date
    or is_open <> (won_back_date is null)
    or (next_last_purchase_date is not null and is_open)
    or next_last_purchase_date < won_back_date
